"""`nucseg predict`."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from nucseg_tf.commands.options import (
    Channel,
    Columns,
    Device,
    Diameter,
    Engine,
    InvertOrModel,
    ModelsDir,
    Pattern,
    PixelSize,
    Plane,
    Precision,
)
from nucseg_tf.commands.records import describe_engine, describe_model, end_run, now, write_run
from nucseg_tf.console import show_progress
from nucseg_tf.io.files import ensure_folder

if TYPE_CHECKING:
    from nucseg_tf.inference.runner import Outcome

LOG = logging.getLogger(__name__)


def predict(
    *paths: Path,
    out: Path,
    model: str = "fpn2ws-nuclei",
    models_dir: ModelsDir = None,
    pixel_size: PixelSize = None,
    diameter: Diameter = None,
    channel: Channel = None,
    z: Plane = None,
    t: str | None = None,
    scene: str | None = None,
    invert: InvertOrModel = None,
    link: bool = False,
    tile: int | None = None,
    tta: int = 1,
    engine: Engine = "auto",
    precision: Precision = "auto",
    device: Device = "auto",
    workers: int | None = None,
    shard: str | None = None,
    dask: str | None = None,
    shards: int | None = None,
    table: Literal["csv", "parquet"] = "csv",
    labels: Literal["inside", "tif"] = "inside",
    overwrite: bool = False,
    pattern: Pattern = None,
    columns: Columns = None,
    illumination: bool = False,
    offset: float = 0.0,
    **writers: bool,
) -> Path:
    """Find the nuclei of images.

    Writes STEM_labels.tif per image, objects.csv (a row per nucleus), fields.csv (a row per image,
    with its quality), run.json and, if images had to be left out, failures.csv. Prints the output
    folder. After a stop of any kind the same command goes on.

    Args:
        paths: image files, folders of them, or plates: in OME-Zarr, or with --pattern
        out: folder for the results
        model: name of a model, or a model folder
        channel: of the nuclei, name, index from 0, or max; the others are measured, too
        z: plane, index from 0; max or mean of all, focus (the sharpest), or each
        t: time, index from 0, range A:B without B, or each
        scene: index from 0, name, or each, where a file holds several images
        link: join the planes of --z each to nuclei in 3-D, or the frames of --t each to tracks
        tile: side in px of the tiles of large images; 512 for Mask R-CNN, 1536 for the others
        shard: K/N does the K-th of N parts; nucseg merge puts the tables of all together
        dask: address or file of a Dask scheduler, whose workers do the parts (needs that extra)
        shards: with --dask, in how many parts; 32 without
        labels: inside or tif; inside writes them into images that are OME-Zarr, with a table
        overwrite: replace labels and tables inside images
        table: csv or parquet (needs the extra of that name)
        pattern: folders are plates: auto, or a regular expression of file names (docs/plates.md)
        illumination: correct uneven light that all images have in common, in every channel
        offset: grey value of the camera without light, for that
        workers: how many images may be under way at once; as many as cores, four at most
        tta: average over so many flips and rotations, 1 (off) to 8; takes as many times as long
    """
    asked = dict(locals())  # what the parts of a run are called with, where others do them
    from nucseg_tf.engines.choose import check
    from nucseg_tf.engines.hardware import usual_workers
    from nucseg_tf.inference.options import Options, parse_diameter
    from nucseg_tf.inference.shard import parse_shard
    from nucseg_tf.io.plates.sources import find_sources
    from nucseg_tf.models.zoo import find_model

    chosen = tuple(name for name, wanted in writers.items() if wanted)
    size = parse_diameter(diameter)
    options = Options(
        channel,
        z,
        pixel_size,
        size,
        tile,
        tta,
        chosen,
        t=t,
        scene=scene,
        link=link,
        labels=labels,
        overwrite=overwrite,
        illumination=illumination,
        offset=offset,
        invert=invert,
    )
    check(engine, precision)
    part = parse_shard(shard)
    started, began = now(), time.perf_counter()
    sources = find_sources(paths, options.scene, pattern, columns)
    find_model(model, models_dir)  # before anything is written
    ensure_folder(out)
    if dask is not None or shards is not None:
        from nucseg_tf.commands.spread import spread

        return spread(predict, asked)
    from nucseg_tf.inference.predict import predict_sources
    from nucseg_tf.inference.room import plan
    from nucseg_tf.inference.segmenter import load_model

    segmenter = load_model(model, models_dir, engine=engine, precision=precision, device=device)
    options = replace(options, invert=segmenter.inverts(invert))
    loaded = time.perf_counter()
    engine_name = segmenter.network.engine
    tile, workers = plan(segmenter.family, engine_name, tile, workers, usual_workers())
    if pixel_size is not None and segmenter.info.pixel_size is None and diameter is None:
        LOG.info("%s has no pixel size: --pixel-size only sets the µm columns", model)
    suffix = part.part if part else ""
    own = {"workers": workers, "shard": shard, "table": table}
    own |= {"pattern": pattern, "columns": columns}

    def note(outcome: Outcome) -> None:
        total = time.perf_counter() - began
        record = {
            "command": "predict",
            "paths": [str(path) for path in paths],
            "options": asdict(options) | own,
            "model": describe_model(segmenter),
            **describe_engine(segmenter),
            "tile": tile,
            "started": started,
            "seconds": {"loading": round(loaded - began, 3), "total": round(total, 3)},
            "found": len(sources),
            "images": outcome.done,
            "columns": outcome.columns,
            "illumination": outcome.light,
        }
        write_run(out, record, outcome, suffix)

    run = (sources, out, segmenter, options)
    with show_progress() as progress:
        outcome = predict_sources(*run, progress, workers, part, table, note, tile)
    end_run(out, outcome, suffix)
    return out
