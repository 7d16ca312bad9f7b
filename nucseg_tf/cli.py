"""The commands of `nucseg`: each calls one stage and returns what goes to stdout.

The signature of a command is its command line (see `__main__`): types are checked against the
annotations, `Args` are the help. Stages are imported inside the commands, because `nucseg --help`
and a mistyped flag should not wait for TensorFlow.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import os
import signal
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nucseg_tf.console import Device, load_tensorflow, show_progress, use_device
from nucseg_tf.errors import DataError, NucsegError, SomeImagesFailed, UsageError
from nucseg_tf.io.files import ensure_folder

if TYPE_CHECKING:
    from nucseg_tf.config import Config
    from nucseg_tf.inference.segmenter import Segmenter
    from nucseg_tf.types import Field

LOG = logging.getLogger(__name__)


# --- commands --------------------------------------------------------------------------------


def predict(
    *paths: Path,
    out: Path,
    model: str = "fpn2ws-nuclei",
    models_dir: Path | None = None,
    pixel_size: float | None = None,
    diameter: float | None = None,
    channel: str | None = None,
    z: str | None = None,
    tile: int | None = None,
    tta: int = 1,
    device: Device = "auto",
    overlay: bool = False,
    rois: bool = False,
    geojson: bool = False,
) -> Path:
    """Find the nuclei of images.

    Writes STEM_labels.tif per image, objects.csv (a row per nucleus), run.json and, if images had
    to be left out, failures.csv. Prints the output folder.

    Args:
        paths: image files, or folders of them (TIFF, PNG, JPEG, BMP)
        out: folder for the results
        model: name of a model, or a model folder
        models_dir: folder to search for models by name first
        pixel_size: of the images in µm; the file's own is used otherwise
        diameter: typical nucleus in px; rescales images to what the model was trained at
        channel: index from 0, or max, where a file has several
        z: plane, index from 0, or max, where a file is a stack
        tile: side in px of the tiles of large images; 512 for Mask R-CNN, 1536 for the others
        tta: average over so many flips and rotations, 1 (off) to 8; takes as many times as long
        device: auto, cpu or gpu
        overlay: also write STEM_overlay.png
        rois: also write STEM_rois.zip for ImageJ
        geojson: also write STEM.geojson for QuPath
    """
    from nucseg_tf.io.images import list_images

    started, began = _now(), time.perf_counter()
    list_images(paths)  # before the seconds that loading takes
    ensure_folder(out)
    use_device(device)
    from nucseg_tf.engines.keras import backend_device
    from nucseg_tf.inference.options import Options
    from nucseg_tf.inference.predict import predict_files
    from nucseg_tf.inference.segmenter import load_model

    chosen = {"overlay": overlay, "rois": rois, "geojson": geojson}
    writers = tuple(name for name, wanted in chosen.items() if wanted)
    options = Options(channel, z, pixel_size, diameter, tile, tta, writers)
    segmenter = load_model(model, models_dir)
    loaded = time.perf_counter()
    if pixel_size is not None and segmenter.info.pixel_size is None and diameter is None:
        LOG.info("%s has no pixel size: --pixel-size only sets the µm columns", model)
    with show_progress() as progress:
        outcome = predict_files(paths, out, segmenter, options, progress)
    finished = time.perf_counter()
    record = {
        "command": "predict",
        "paths": [str(path) for path in paths],
        "options": asdict(options),
        "model": _describe_model(segmenter),
        "device": backend_device(),
        "started": started,
        "seconds": {"loading": round(loaded - began, 3), "total": round(finished - began, 3)},
        "images": outcome.done,
    }
    _end_run(out, record, outcome)
    return out


def train(
    config: Path,
    *,
    data: Path,
    out: Path,
    init: str = "random",
    resume: bool = False,
    requeue: bool = False,
    store: Path | None = None,
    channel: str | None = None,
    z: str | None = None,
    set: tuple[str, ...] = (),
    device: Device = "auto",
) -> Path:
    """Train a model on annotated fields.

    Writes a run folder with a model folder inside it, and prints the latter.

    Args:
        config: YAML file, or the name of a configuration that comes with the program
        data: folder of images/ and masks/, or a CSV manifest
        out: folder for the run
        init: random, imagenet, coco (or a Matterport .h5 file), nuclei, or a model's name or folder
        resume: go on with the training in --out
        requeue: the same if it has these settings and fields, else begin anew; for job scripts
        store: ROIs from `nucseg augment` to train on, instead of cutting new ones
        channel: index from 0, or max, where images have several
        z: plane, index from 0, or max, where images are stacks
        set: KEY=VALUE that replaces one of the configuration; may be repeated
        device: auto, cpu or gpu
    """
    if resume and requeue:
        raise UsageError("--resume and --requeue: choose one of them")
    settings, fields = _settings_and_fields(config, data, channel, z, set)
    ensure_folder(out)
    use_device(device)
    from nucseg_tf.data.manifest import field_hash
    from nucseg_tf.data.roi_store.read import RoiStore
    from nucseg_tf.data.sample import load_samples
    from nucseg_tf.evaluation.finish import finish, start_thresholds
    from nucseg_tf.training import devices
    from nucseg_tf.training import requeue as queue
    from nucseg_tf.training.callbacks import Interrupted
    from nucseg_tf.training.trainer import Trainer

    devices.choose(settings.training)  # if there are too few, say so before fields are read
    LOG.info("%d fields to train on, %d to validate", *map(len, fields))
    rois = RoiStore(store) if store else None
    hashes = [[field_hash(field) for field in part] for part in fields]
    if rois:
        rois.check(settings, hashes[1])
    identity = queue.identity(settings, init, hashes, rois.content if rois else None)
    if requeue:
        resume = queue.can_resume(out, identity)
    train_samples, validation_samples = (load_samples(part, settings) for part in fields)
    if resume or not (out / "last.h5").exists():  # else the trainer refuses
        names = [[field.name for field in part] for part in fields]
        cut = {"file": str(store), "augment": rois.content["augment"]} if rois else None
        seed = settings.training.seed
        queue.note(out, identity)
        _record_start(out / "run.json", config, data, init, resume, seed, names, cut)
    try:
        network = Trainer(settings, out, train_samples, validation_samples, rois).fit(init, resume)
    except Interrupted as stop:
        LOG.warning("%s; the state is saved. To go on, add --resume to the command", stop)
        raise SystemExit(stop.exit_code) from None
    return finish(out, start_thresholds(settings, out), network, *fields)


def augment(
    config: Path,
    *,
    data: Path,
    out: Path | None = None,
    preview: Path | None = None,
    rois: int = 35000,
    bits: int = 8,
    masks: bool = False,
    channel: str | None = None,
    z: str | None = None,
    set: tuple[str, ...] = (),
) -> Path:
    """Cut augmented ROIs out of the training fields and keep them, or show what that looks like.

    Writes an HDF5 store for `nucseg train --store`, or a PNG; prints its path. After an
    interruption, the same command goes on.

    Args:
        config: YAML file, or the name of a configuration that comes with the program
        data: folder of images/ and masks/, or a CSV manifest
        out: store to write (.h5)
        preview: contact sheet to write (.png)
        rois: how many, an equal number of each group of fields
        bits: of the grey values, 8 or 16
        masks: also store mask, erosion, boundary and background
        channel: index from 0, or max, where images have several
        z: plane, index from 0, or max, where images are stacks
        set: KEY=VALUE that replaces one of the configuration; may be repeated
    """
    targets = [path for path in (out, preview) if path is not None]
    if not targets:
        raise UsageError("--out or --preview is missing")
    if bits not in (8, 16):
        raise UsageError(f"--bits: expected 8 or 16. Received: {bits}")
    if rois < 1:
        raise UsageError(f"--rois: expected 1 or more. Received: {rois}")
    settings, fields = _settings_and_fields(config, data, channel, z, set)
    for path in targets:
        ensure_folder(path.parent)
    load_tensorflow()
    from nucseg_tf.data.manifest import field_hash
    from nucseg_tf.data.preview import write_preview
    from nucseg_tf.data.roi_store.write import write_store
    from nucseg_tf.data.sample import load_samples

    samples = load_samples(fields[0], settings)
    if preview:
        write_preview(preview, samples, settings)
    if out:
        sources = [field_hash(field) for field in fields[0]]
        options: dict[str, Any] = {"count": rois, "bits": bits, "masks": masks}
        with show_progress() as progress:
            done = write_store(out, samples, settings, sources, progress=progress, **options)
        if done < rois:
            LOG.warning("stopped by SIGTERM with %d of %d; the same command goes on", done, rois)
            raise SystemExit(128 + signal.SIGTERM)
    return targets[0]


def simulate(
    *,
    cell_line: str,
    out: Path,
    fields: int = 1,
    seed: int = 0,
    size: str | None = None,
) -> Path:
    """Draw synthetic fields with exact labels.

    Writes a data set: images/LINE/STEM.tif and masks/LINE/STEM.tif. Prints its folder. After an
    interruption, the same command goes on.

    Args:
        cell_line: MCF10A, HCT116, U2OS, Eosinophils, or all
        out: folder for the data set
        fields: how many, of each cell line
        seed: another seed is another set of fields
        size: HEIGHTxWIDTH in px; that of the published fields otherwise
    """
    from nucseg_tf.data.simulate import find_cell_lines, parse_shape, write_fields

    lines = find_cell_lines(cell_line)
    shape = None if size is None else parse_shape(size)
    with show_progress() as progress:
        done = write_fields(out, lines, fields, seed, shape, progress)
    if done < fields * len(lines):
        LOG.warning("stopped by SIGTERM with %d fields; the same command goes on", done)
        raise SystemExit(128 + signal.SIGTERM)
    return out


def evaluate(truth: Path, prediction: Path, *, out: Path) -> str:
    """Score predicted label images against true ones.

    Writes scores.json and scores.csv, and prints a table.

    Args:
        truth: folder of true label images, or of its masks/
        prediction: folder of STEM_labels.tif, as predict writes them
        out: folder for the scores
    """
    from nucseg_tf.evaluation.evaluate import evaluate_folders, format_table

    table = format_table(evaluate_folders(truth, prediction, out))
    LOG.info("scores written to %s", out / "scores.json")
    return table


def benchmark(
    *,
    data: Path,
    out: Path,
    models: tuple[str, ...] = (),
    labels: tuple[str, ...] = (),
    groups: Path | None = None,
    split: str | None = None,
    note: str = "",
    models_dir: Path | None = None,
    pixel_size: float | None = None,
    diameter: float | None = None,
    channel: str | None = None,
    z: str | None = None,
    tile: int | None = None,
    tta: int = 1,
    device: Device = "auto",
) -> Path:
    """Compare models, and label images of other tools, on annotated images.

    Writes scores, figures, predictions and report.html, and prints the path of the latter. After
    an interruption, the same command goes on.

    Args:
        data: folder of images/ and masks/, with a folder per cell line in each; or a CSV manifest
        out: folder for the results
        models: MODEL,NAME=MODEL,... by name or folder; NAME=RUN1+RUN2+... are repeated trainings
        labels: NAME=FOLDER of label images STEM_labels.tif or STEM.ext; may be repeated
        groups: CSV of columns image, group, where the data set has no groups of its own
        split: train, val or test, where the data set has several
        note: what a reader of the report must know of the images
        models_dir: folder to search for models by name first
        pixel_size: of the images in µm; the file's own is used otherwise
        diameter: typical nucleus in px; rescales images to what the model was trained at
        channel: index from 0, or max, where images have several
        z: plane, index from 0, or max, where images are stacks
        tile: side in px of the tiles of large images; each model has its own otherwise
        tta: average over so many flips and rotations, 1 (off) to 8
        device: auto, cpu or gpu
    """
    from nucseg_tf.evaluation.entries import parse_entries

    runs = parse_entries(models, labels)
    if models:
        load_tensorflow()
    from nucseg_tf.evaluation.benchmark import failures, run_benchmark
    from nucseg_tf.evaluation.report import write_report

    sizes = {"pixel_size": pixel_size, "diameter": diameter}
    with show_progress() as progress:
        result = run_benchmark(
            *(data, out, runs),
            options={"channel": channel, "z": z, **sizes, "tile": tile, "tta": tta},
            split=split,
            groups=groups,
            note=note,
            models_dir=models_dir,
            prepare=functools.partial(use_device, device),
            progress=progress,
        )
    if result is None:
        LOG.warning("stopped by SIGTERM; predictions are kept, and the same command goes on")
        raise SystemExit(128 + signal.SIGTERM)
    page = write_report(out)
    failed = failures(result)
    if failed:
        print(page)
        raise SomeImagesFailed(
            f"{len(failed)} of {len(result['scores'])} predictions were missing or unusable, and "
            f"count as empty; see {out / 'failures.csv'}"
        )
    return page


def report(benchmark: Path) -> Path:
    """Make the report of a benchmark anew from its saved scores.

    Args:
        benchmark: output folder of nucseg benchmark
    """
    from nucseg_tf.evaluation.report import write_report

    return write_report(benchmark)


def compare(*benchmarks: Path, out: Path | None = None, table: str | None = None) -> str:
    """Show several benchmarks side by side, and published values beside them.

    Args:
        benchmarks: output folders of nucseg benchmark
        out: folder for compare.csv and compare.md
        table: of Zaki et al. 2020 to set beside them, 1 to 8, S3 or S4; none unless given
    """
    from nucseg_tf.evaluation import compare as comparison

    rows, notes = comparison.compare(benchmarks, table)
    text = comparison.format_comparison(rows, notes)
    if out is not None:
        comparison.write_comparison(out, rows, text)
    return text


def validate(data: Path, *, channel: str | None = None, z: str | None = None) -> str:
    """Open every file of a data set and say what is wrong with it.

    Args:
        data: folder of images/ and masks/, or a CSV manifest
        channel: index from 0, or max, where images have several
        z: plane, index from 0, or max, where images are stacks
    """
    from nucseg_tf.data.validate import validate

    report = validate(data, channel, z)
    for problem in report.problems:
        print(f"{'warning' if problem.usable else 'error'}: {problem}")
    summary = f"{report.usable} of {report.images} fields can be used"
    errors = sum(not problem.usable for problem in report.problems)
    if errors:
        raise DataError(f"{data}: {errors} errors; {summary}")
    return summary


def annotate(
    folder: Path,
    *,
    port: int | None = None,
    host: str = "127.0.0.1",
    users: str = "",
    channel: str | None = None,
    z: str | None = None,
) -> None:
    """Correct labels by hand, in a browser.

    Prints the page's address as its first line, and serves the page until Ctrl-C. Every edit is on
    disk before the page says so; accepted fields go to FOLDER/masks, for `nucseg train`.

    Args:
        folder: of images/, and prelabels/ from `nucseg prelabel`
        port: to listen on; 0 for any that is free; 8765 or the next free one otherwise
        host: address to listen on; anything but 127.0.0.1 opens the page to the network
        users: NAME,NAME,... to choose from; edits are noted by name
        channel: index from 0, or max, where images have several
        z: plane, index from 0, or max, where images are stacks
    """
    from nucseg_tf.annotation.editor.project import MAX_NAME, open_project
    from nucseg_tf.annotation.editor.server import serve

    names = [name.strip() for name in users.split(",") if name.strip()]
    if long := [name for name in names if len(name) > MAX_NAME]:
        raise UsageError(
            f"--users: expected up to {MAX_NAME} letters a name. Received: {long[0]!r}"
        )
    serve(open_project(folder), host, port, names, channel, z)


def prelabel(
    folder: Path,
    *,
    method: str = "fpn2ws-nuclei",
    out: Path | None = None,
    models_dir: Path | None = None,
    channel: str | None = None,
    z: str | None = None,
    pixel_size: float | None = None,
    diameter: float | None = None,
    tile: int | None = None,
    threshold: str = "local",
    min_area: int | None = None,
    max_area: int | None = None,
    agreement: int = 2,
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
        models_dir: folder to search for models by name first
        channel: index from 0, or max, where images have several
        z: plane, index from 0, or max, where images are stacks
        pixel_size: of the images in µm; the file's own is used otherwise
        diameter: typical nucleus in px; models rescale images by it, classical measures it else
        tile: side in px of the tiles of large images; of models
        threshold: local or otsu; of classical
        min_area: of a nucleus in px; classical takes a tenth of the typical area otherwise
        max_area: of a nucleus in px; no limit otherwise
        agreement: how many more views the confidence comes from, 0 (off) to 7; each takes as long
        device: auto, cpu or gpu
    """
    from nucseg_tf.annotation.prelabel.folder import find_images, prelabel_folder
    from nucseg_tf.annotation.prelabel.image import CLASSICAL, Settings

    started, began = _now(), time.perf_counter()
    sizes, limits = (pixel_size, diameter, tile), (min_area, max_area)
    settings = Settings(channel, z, *sizes, threshold, *limits, agreement)
    find_images(folder)  # before the seconds that loading takes
    segmenter: Any = CLASSICAL
    record: dict[str, Any] = {"command": "prelabel", "data": str(folder), "method": method}
    record |= {"options": asdict(settings), "model": None, "device": "cpu", "started": started}
    if method != CLASSICAL:
        use_device(device)
        from nucseg_tf.engines.keras import backend_device
        from nucseg_tf.inference.segmenter import load_model

        segmenter = load_model(method, models_dir)
        record |= {"model": _describe_model(segmenter), "device": backend_device()}
    loaded = time.perf_counter()
    out = folder / "prelabels" if out is None else out
    with show_progress() as progress:
        outcome = prelabel_folder(folder, out, segmenter, settings, progress)
    total = round(time.perf_counter() - began, 3)
    record |= {"seconds": {"loading": round(loaded - began, 3), "total": total}}
    record |= {"images": outcome.done, "suspects": outcome.suspects}
    _end_run(out, record, outcome)
    return out


def convert(
    src: Path,
    dst: Path,
    *,
    to: str,
    nuclei: int = 50,
    shape: str = "bitmap",
    labels: Path | None = None,
    channel: str | None = None,
    z: str | None = None,
    regions: Path | None = None,
    partial: bool = False,
    overwrite: bool = False,
) -> Path:
    """Take labelled fields to Supervisely or CVAT for correction, and bring them back.

    Out, fields are cut into regions, each an image with its nuclei. Back, the regions of a field
    become masks/[GROUP/]STEM.tif; conflicts.csv tells what contradicted and how it was settled.

    Args:
        src: data set of images/ with masks/ or prelabels/; or a project, a folder, zip or tar
        dst: project to write, a folder, or a zip file; or the data set that gets the masks
        to: supervisely, coco (for CVAT), or labels (back)
        nuclei: about how many in a region; 0 for whole fields
        shape: bitmap or polygon; nuclei that no polygon gives exactly are bitmaps all the same
        labels: folder of labels to export, instead of masks/, then prelabels/
        channel: index from 0, or max, where images have several
        z: plane, index from 0, or max, where images are stacks
        regions: nucseg_regions.json of the export, if the project does not bring it back
        partial: keep the labels of regions that did not come back, instead of failing
        overwrite: replace masks that exist; copies are kept below annotation/
    """
    if to not in ("supervisely", "coco", "labels"):
        raise UsageError(f"--to: expected supervisely, coco or labels. Received: {to!r}")
    if shape not in ("bitmap", "polygon"):
        raise UsageError(f"--shape: expected bitmap or polygon. Received: {shape!r}")
    if nuclei < 0:
        raise UsageError(f"--nuclei: expected 0 or more. Received: {nuclei}")
    back = {"--regions": regions, "--partial": partial, "--overwrite": overwrite}
    unused = {"--labels": labels} if to == "labels" else back
    if given := [flag for flag, value in unused.items() if value]:
        raise UsageError(f"{given[0]} says nothing with --to {to}; leave it away")
    from nucseg_tf.annotation.exchange.exporting import Export, export
    from nucseg_tf.annotation.exchange.restoring import restore

    with show_progress() as progress:
        if to == "labels":
            outcome = restore(src, dst, regions, partial, overwrite, progress)
        else:
            options = Export(to, nuclei, shape == "polygon", labels, channel, z)
            outcome = export(src, dst, options, progress)
    if outcome.stopped:
        LOG.warning("stopped by SIGTERM after %d fields", len(outcome.done))
        raise SystemExit(128 + signal.SIGTERM)
    if outcome.conflicts:
        LOG.warning("%d conflicts, see %s", outcome.conflicts, dst / "conflicts.csv")
    if outcome.failures:
        print(dst)
        count = len(outcome.failures) + len(outcome.done)
        where = f", see {dst / 'failures.csv'}" if to == "labels" else ""
        raise SomeImagesFailed(f"{len(outcome.failures)} of {count} fields failed{where}")
    return dst


def doctor() -> str | None:
    """Show versions, hardware, and whether the models are intact."""
    from nucseg_tf.doctor import examine

    with contextlib.suppress(ImportError):  # examine says so
        load_tensorflow()
    text, problems = examine()
    if problems:
        print(text)
        raise NucsegError("; ".join(problems))
    return text


def config(config: Path, *, set: tuple[str, ...] = ()) -> str:
    """Print a configuration with every default filled in.

    Args:
        config: YAML file, or the name of a configuration that comes with the program
        set: KEY=VALUE that replaces one of the configuration; may be repeated
    """
    from nucseg_tf.config import find_config, load_config
    from nucseg_tf.schema import to_yaml

    return to_yaml(load_config(find_config(config), set)).rstrip()


# --- models ----------------------------------------------------------------------------------


def list_models(*, models_dir: Path | None = None) -> str:
    """Name and folder of each model that can be called by name.

    Args:
        models_dir: folder to search first
    """
    load_tensorflow()
    from nucseg_tf.models import zoo

    found = zoo.list_models(models_dir)
    width = max(map(len, found), default=0)
    return "\n".join(f"{name:<{width}}  {folder}" for name, folder in found.items())


def model_info(name: str, *, models_dir: Path | None = None) -> str:
    """Print the model.yaml of a model.

    Args:
        name: name of a model, or a model folder
        models_dir: folder to search first
    """
    load_tensorflow()
    from nucseg_tf.models import zoo
    from nucseg_tf.schema import to_yaml

    return to_yaml(zoo.read_info(zoo.find_model(name, models_dir))).rstrip()


def verify_models(name: str | None = None, *, models_dir: Path | None = None) -> str:
    """Compare the files of one model, or of all, with their recorded hashes.

    Args:
        name: name of a model, or a model folder; all models without it
        models_dir: folder to search first
    """
    load_tensorflow()
    from nucseg_tf.models import zoo

    found = zoo.list_models(models_dir)
    folders = list(found.values()) if name is None else [zoo.find_model(name, models_dir)]
    lines = []
    for folder in folders:
        zoo.read_info(folder)
        lines.append(f"{folder}: intact, sha256 {zoo.verify(folder)}")
    return "\n".join(lines)


def export_model(name: str, file: Path, *, models_dir: Path | None = None) -> Path:
    """Write a model into one zip file.

    Args:
        name: name of a model, or a model or run folder
        file: the zip file to write
        models_dir: folder to search first
    """
    load_tensorflow()
    from nucseg_tf.models import archive

    return archive.export_model(name, file, models_dir)


def import_model(file: Path, *, models_dir: Path, name: str | None = None) -> Path:
    """Unpack a model from a zip file, and check it.

    Args:
        file: zip file from `nucseg models export`
        models_dir: folder of models to put it into
        name: to call it by; its own otherwise
    """
    load_tensorflow()
    from nucseg_tf.models import archive

    return archive.import_model(file, models_dir, name)


class Models:
    """Lists, checks and moves models."""

    list = staticmethod(list_models)
    info = staticmethod(model_info)
    verify = staticmethod(verify_models)
    export = staticmethod(export_model)


setattr(Models, "import", staticmethod(import_model))  # a keyword, so not in the class body


class Commands:
    """Finds every cell nucleus in fluorescence microscope images."""

    predict = staticmethod(predict)
    augment = staticmethod(augment)
    train = staticmethod(train)
    simulate = staticmethod(simulate)
    evaluate = staticmethod(evaluate)
    benchmark = staticmethod(benchmark)
    report = staticmethod(report)
    compare = staticmethod(compare)
    validate = staticmethod(validate)
    prelabel = staticmethod(prelabel)
    annotate = staticmethod(annotate)
    convert = staticmethod(convert)
    models = Models()
    doctor = staticmethod(doctor)
    config = staticmethod(config)


# --- what commands share ---------------------------------------------------------------------


def _settings_and_fields(
    config: Path, data: Path, channel: str | None, z: str | None, changes: tuple[str, ...]
) -> tuple[Config, tuple[list[Field], list[Field]]]:
    """The configuration with the choices of the command line, and fields to train and validate."""
    from nucseg_tf.config import find_config, load_config
    from nucseg_tf.data.manifest import find_fields, split_fields

    chosen = {"data.channel": channel, "data.z": z}
    changes += tuple(f"{key}={value}" for key, value in chosen.items() if value is not None)
    settings = load_config(find_config(config), changes)
    fraction, seed = settings.data.validation_fraction, settings.training.seed
    return settings, split_fields(find_fields(data), fraction, seed)


# --- records of runs --------------------------------------------------------------------------


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _write_record(path: Path, record: dict[str, Any]) -> None:
    from nucseg_tf.doctor import versions
    from nucseg_tf.io.files import atomic_path

    with atomic_path(path) as temporary:
        text = json.dumps(record | {"versions": versions()}, indent=2)
        temporary.write_text(text + "\n", encoding="utf-8")


def _describe_model(segmenter: Segmenter) -> dict[str, Any]:
    return {
        "name": segmenter.info.name,
        "sha256": segmenter.model.sha256,
        "thresholds": segmenter.thresholds.model_dump(),
    }


def _end_run(out: Path, record: dict[str, Any], outcome: Any) -> None:
    """Write run.json of a run over images, and end with 143 or 3 if some of them are not done."""
    record["left_out"] = [str(path) for path in outcome.left_out]
    failures = [{"image": str(path), "reason": text} for path, text in outcome.failures]
    _write_record(out / "run.json", record | {"failures": failures})
    if outcome.left_out:
        LOG.warning("stopped by SIGTERM with %d images left to do", len(outcome.left_out))
        raise SystemExit(128 + signal.SIGTERM)
    if failures:
        print(out)
        count = len(failures) + len(outcome.done)
        raise SomeImagesFailed(
            f"{len(failures)} of {count} images failed, see {out / 'failures.csv'}"
        )


def _record_start(
    path: Path,
    config: Path,
    data: Path,
    init: str,
    resume: bool,
    seed: int,
    names: list[list[str]],
    store: dict[str, Any] | None,
) -> None:
    """Note a start of a training in run.json, below the earlier ones if it is resumed."""
    from nucseg_tf.doctor import source_revision

    starts: list[dict[str, Any]] = []
    if resume:
        with contextlib.suppress(OSError, ValueError, KeyError):
            starts = json.loads(path.read_text(encoding="utf-8"))["starts"]
    start = {"started": _now(), "init": init, "resume": resume, "process": os.getpid()}
    record = {
        "command": "train",
        "config": str(config),
        "data": str(data),
        "seed": seed,
        "store": store,
        "git": source_revision(),
        "fields": {"train": names[0], "validation": names[1]},
        "starts": [*starts, start],
    }
    _write_record(path, record)
