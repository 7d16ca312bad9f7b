"""`nucseg benchmark`."""

from __future__ import annotations

import logging
from pathlib import Path

from nucseg_tf.commands.options import (
    Channel,
    Device,
    Diameter,
    Engine,
    InvertOrModel,
    ModelsDir,
    PixelSize,
    Plane,
    Precision,
    SplitBinary,
)
from nucseg_tf.console import show_progress
from nucseg_tf.errors import Signalled, SomeImagesFailed

LOG = logging.getLogger(__name__)


def benchmark(
    *,
    data: Path,
    out: Path,
    models: tuple[str, ...] = (),
    peers: tuple[str, ...] = (),
    labels: tuple[str, ...] = (),
    groups: Path | None = None,
    split: str | None = None,
    note: str = "",
    models_dir: ModelsDir = None,
    pixel_size: PixelSize = None,
    diameter: Diameter = None,
    channel: Channel = None,
    z: Plane = None,
    invert: InvertOrModel = None,
    split_binary: SplitBinary = False,
    tile: int | None = None,
    tta: int = 1,
    engine: Engine = "auto",
    precision: Precision = "auto",
    device: Device = "auto",
) -> Path:
    """Compare models, other tools, and label images of others, on annotated images.

    Writes scores, figures, predictions and report.html, and prints the path of the latter. After
    an interruption, the same command goes on.

    Args:
        data: folder of images/ and masks/, with a folder per cell line in each; or a CSV manifest
        out: folder for the results
        models: MODEL,NAME=MODEL,... by name or folder; NAME=RUN1+RUN2+... are repeated trainings
        peers: stardist,cellpose,instanseg: run each in its own environment (`make peers`), with its
            own weights, or those of TOOL=PATH
        labels: NAME=FOLDER of label images STEM_labels.tif or STEM.ext, or of labels of Cellpose,
            QuPath, ImageJ or StarDist; may be repeated
        groups: CSV of columns image, group, where the data set has no groups of its own
        split: train, val or test, where the data set has several
        note: what a reader of the report must know of the images
        tile: side in px of the tiles of large images; each model has its own otherwise
        tta: average over so many flips and rotations, 1 (off) to 8
    """
    from nucseg_tf.engines.choose import check
    from nucseg_tf.evaluation.entries import parse_entries
    from nucseg_tf.inference.options import parse_diameter

    check(engine, precision)
    runs = parse_entries(models, labels, peers)
    reading = {"channel": channel, "z": z, "invert": invert, "pixel_size": pixel_size}
    scale = {"diameter": parse_diameter(diameter), "tile": tile, "tta": tta}
    from nucseg_tf.evaluation.benchmark import failures, left_out, run_benchmark
    from nucseg_tf.evaluation.report import write_report
    from nucseg_tf.inference.folder_lock import only_run_in
    from nucseg_tf.io.files import ensure_folder

    with only_run_in(ensure_folder(out)), show_progress() as progress:
        result = run_benchmark(
            *(data, out, runs),
            options=reading | scale,
            split=split,
            groups=groups,
            note=note,
            models_dir=models_dir,
            loading={"engine": engine, "precision": precision, "device": device},
            split_binary=split_binary,
            progress=progress,
        )
    if result is None:
        LOG.warning("stopped by SIGTERM; predictions are kept, and the same command goes on")
        raise Signalled
    page = write_report(out)
    failed = failures(result)
    problems = [f"{row['run']} could not be run" for row in left_out(result)]
    if failed:
        problems.append(
            f"{len(failed)} of {len(result['scores'])} predictions were missing or unusable, and "
            "count as empty"
        )
    if problems:
        print(page)
        raise SomeImagesFailed(f"{'; '.join(problems)}; see {out / 'failures.csv'}")
    return page
