"""The illumination that the images of a run have in common, channel by channel."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from nucseg_tf.errors import DataError, ImageReadError
from nucseg_tf.imaging.illumination import Light, sample
from nucseg_tf.inference.options import Options
from nucseg_tf.inference.stages.read import Read
from nucseg_tf.io.choices import refuse_if_no_image_has
from nucseg_tf.io.files import atomic_path, ensure_folder
from nucseg_tf.io.sources import Source, find_views

LOG = logging.getLogger(__name__)
FOLDER = "illumination"


def estimate_light(sources: Sequence[Source], options: Options) -> dict[str, np.ndarray]:
    """Estimate the illumination from up to a hundred images, spread over all.

    Args:
        sources: all images of the run, or of the plate.
        options: how they are read; the first plane of a stack is looked at.

    Returns:
        (H, W) float32 with mean 1 for each channel, by name; "" where images have one.

    Raises:
        ChoiceError: none has the channel or plane asked for.
        DataError: too few images can be read, they differ in size, or their background is dark.
    """
    read, lights, errors = Read(options, all_channels=True), dict[str, Light](), list[Exception]()
    for source in sample(sources):
        try:
            image = read(find_views(source, options.choice).views[0])
        except ImageReadError as error:  # named again when it is predicted
            LOG.debug("%s", error)
            errors.append(error)
            continue
        for name, pixels in (image.channels or {"": image.pixels}).items():
            lights.setdefault(name, Light()).add(pixels)
    if not lights:
        refuse_if_no_image_has(errors, 0)
        raise DataError("illumination: none of the images can be read")
    return {name: light.estimate(options.offset) for name, light in lights.items()}


def write_light(folder: Path, lights: Mapping[str, np.ndarray]) -> None:
    """Write the illumination of each channel as TIFF, to be looked at."""
    if not lights:
        return
    import tifffile

    ensure_folder(folder / FOLDER)
    for number, (name, light) in enumerate(lights.items()):
        known = "".join(c if c.isalnum() or c in "-_." else "-" for c in name) or f"channel{number}"
        with atomic_path(folder / FOLDER / f"{known}.tif") as temporary:
            tifffile.imwrite(temporary, light)
