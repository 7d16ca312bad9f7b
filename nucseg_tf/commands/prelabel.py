"""`nucseg prelabel`."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from nucseg_tf.commands.options import (
    Channel,
    Device,
    Engine,
    InvertOrModel,
    ModelsDir,
    PixelSize,
    Plane,
)
from nucseg_tf.commands.records import describe_engine, describe_model, end_run, now, write_run
from nucseg_tf.console import show_progress


def prelabel(
    folder: Path,
    *,
    method: str = "fpn2ws-nuclei",
    out: Path | None = None,
    models_dir: ModelsDir = None,
    channel: Channel = None,
    z: Plane = None,
    invert: InvertOrModel = None,
    pixel_size: PixelSize = None,
    diameter: float | None = None,
    tile: int | None = None,
    threshold: str = "local",
    min_area: int | None = None,
    max_area: int | None = None,
    agreement: int | None = None,
    engine: Engine = "auto",
    device: Device = "auto",
) -> Path:
    """Label images for an annotator to correct, and list the nuclei to look at first.

    Writes STEM_labels.tif per image, objects.csv (a row per nucleus, with confidence, whether it is
    suspect and why), run.json and, if images had to be left out, failures.csv. Prints the output
    folder. A second run overwrites the first; masks and annotations are left alone.

    Args:
        folder: of images/, or of image files
        method: classical, or the name of a model, or a model folder
        out: folder for the results; FOLDER/prelabels otherwise
        diameter: typical nucleus in px; models rescale images by it, classical measures it else
        tile: side in px of the tiles of large images; of models
        threshold: local or otsu; of classical
        min_area: of a nucleus in px; classical takes a tenth of the typical area otherwise
        max_area: of a nucleus in px; no limit otherwise
        agreement: how many more views the confidence comes from, 0 (off) to 7; each takes as long;
            0 for models with calibrated scores, else 2
    """
    from nucseg_tf.annotation.prelabel.folder import find_images, prelabel_folder
    from nucseg_tf.annotation.prelabel.image import CLASSICAL, Settings

    started, began = now(), time.perf_counter()
    sizes, limits = (pixel_size, diameter, tile), (min_area, max_area)
    settings = Settings(channel, z, *sizes, threshold, *limits, agreement, bool(invert))
    find_images(folder)  # before the seconds that loading takes
    segmenter: Any = CLASSICAL
    record: dict[str, Any] = {"command": "prelabel", "data": str(folder), "method": method}
    record |= {"model": None, "device": "cpu", "started": started}
    if method != CLASSICAL:
        from nucseg_tf.inference.segmenter import load_model
        from nucseg_tf.models.zoo import find_model

        find_model(method, models_dir, others=(CLASSICAL,))
        segmenter = load_model(method, models_dir, engine=engine, device=device)
        settings = replace(settings, invert=segmenter.inverts(invert))
        record |= {"model": describe_model(segmenter)} | describe_engine(segmenter)
    loaded = time.perf_counter()
    out = folder / "prelabels" if out is None else out
    with show_progress() as progress:
        outcome = prelabel_folder(folder, out, segmenter, settings, progress)
    total = round(time.perf_counter() - began, 3)
    record |= {"seconds": {"loading": round(loaded - began, 3), "total": total}}
    record |= {"options": asdict(settings)}
    record |= {"images": outcome.done, "suspects": outcome.suspects}
    write_run(out, record, outcome)
    end_run(out, outcome)
    return out
