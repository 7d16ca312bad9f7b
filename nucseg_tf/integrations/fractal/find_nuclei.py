"""A task of Fractal: the nuclei of one OME-Zarr image, written into it.

python find_nuclei.py --args-json ARGUMENTS.json --out-json RESULT.json   # so the server does
"""

from __future__ import annotations

import logging
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import validate_call

if TYPE_CHECKING:
    from nucseg_tf.inference.options import Options

LOG = logging.getLogger(__name__)
# What `nucseg predict` offers where labels cannot go into an image; the task writes nowhere else.
ELSEWHERE = re.compile(
    r"(, or write|\. Have) label images (written )?into the output folder with --labels tif"
)


@validate_call
def find_nuclei(
    *,
    zarr_url: str,
    channel: str | None = None,
    model: str = "fpn2ws-nuclei",
    diameter: str | None = None,
    z: str | None = None,
    t: str | None = None,
    tta: int = 1,
    label_name: str = "nuclei",
    table_name: str = "nuclei",
    overwrite: bool = False,
) -> None:
    """Find nuclei and write them into the image, as labels and a feature table.

    Args:
        zarr_url: Path of the image (`plate.zarr/B/03/0`). Set by the server.
        channel: Channel of the nuclei: its name (`DAPI`), its index from 0, or `max` for the
            brightest of all. Without, the only one that is not empty.
        model: Name of a shipped model, or the path of a model folder of your own.
        diameter: Typical diameter of nuclei in px, `auto` to find it in each image, or `native` to
            leave images as they are. Without, by the pixel size, or as the model says.
        z: Plane of a stack: index from 0, `max`, `mean`, `focus`, or `each`.
        t: Time of a movie: index from 0, or `each`.
        tta: Average over so many flips and rotations, 1 to 8.
        label_name: Name of the label image.
        table_name: Name of the feature table.
        overwrite: Replace labels and a table of these names.
    """
    # Imported here: the server reads the arguments of tasks where there may be no TensorFlow.
    from nucseg_tf.errors import NucsegError
    from nucseg_tf.inference.options import Options, parse_diameter

    try:
        options = Options(
            channel=channel,
            z=z,
            t=t,
            diameter=parse_diameter(diameter),
            tta=tta,
            overwrite=overwrite,
            label_name=label_name,
            table_name=table_name,
        )
        count = _find(zarr_url, model, options)
    except NucsegError as error:
        raise type(error)(in_its_words(str(error))) from error
    LOG.info("%s: %d nuclei", zarr_url, count)


def in_its_words(message: str) -> str:
    """A message of `nucseg predict` as a form knows it, with parameters in the place of options."""
    return re.sub(r"--([a-z]+)", r"`\1`", ELSEWHERE.sub("", message))


def _find(zarr_url: str, model: str, options: Options) -> int:
    """Find the nuclei of an image, write them into it, and count them."""
    from nucseg_tf.engines.hardware import usual_workers
    from nucseg_tf.errors import DataError
    from nucseg_tf.inference.predict import predict_sources
    from nucseg_tf.inference.room import plan
    from nucseg_tf.inference.segmenter import load_model
    from nucseg_tf.io.omezarr.plate import is_plate
    from nucseg_tf.io.plates.sources import find_sources

    if is_plate(Path(zarr_url)):
        raise DataError(f"{zarr_url}: is a plate; the task takes one of its images (plate/B/03/0)")
    sources = find_sources([zarr_url])
    if not (len(sources) == 1 and sources[0].group):
        raise DataError(f"{zarr_url}: is no image of OME-Zarr")
    segmenter = load_model(model)
    options = replace(options, invert=segmenter.inverts(None))
    engine = segmenter.network.engine
    tile, workers = plan(segmenter.family, engine, None, None, usual_workers())
    with tempfile.TemporaryDirectory(prefix="nucseg-") as out:  # of tables that are inside, too
        outcome = predict_sources(
            sources, Path(out), segmenter, options, workers=workers, tile=tile
        )
    if outcome.failures:
        raise DataError("; ".join(reason for _, reason in outcome.failures))
    return sum(image["nuclei"] for image in outcome.done)


if __name__ == "__main__":
    from fractal_task_tools.task_wrapper import run_fractal_task

    run_fractal_task(task_function=find_nuclei)
