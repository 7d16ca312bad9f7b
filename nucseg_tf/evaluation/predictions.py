"""Predictions of a model, or another tool, made in a process of its own and kept in a folder.

The process is started afresh, so that the peak of its memory is the model's. What predictions were
made of (model, options, image, version of this package) stands in `run.json` beside them; only what
agrees is kept, so that an interrupted benchmark goes on where it was.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nucseg_tf import __version__
from nucseg_tf.errors import NucsegError
from nucseg_tf.evaluation.worker import Job, labels_file, work
from nucseg_tf.io.files import atomic_path, ensure_folder

LOG = logging.getLogger(__name__)
TIMED = 8  # images predicted for the sake of time
Image = tuple[Path, str]  # its file, and the hash of that


@dataclass(frozen=True)
class Made:
    """What became of the images of a model.

    Attributes:
        failures: reason by name of the image.
        cost: see `measure_cost`.
    """

    failures: dict[str, str]
    cost: dict[str, Any]


class Stopped(Exception):  # noqa: N818 - it is asked for
    """The caller wants no more images."""


def predict_model(
    folder: Path,
    model: tuple[Path, str],
    images: Mapping[str, Image],
    options: Mapping[str, Any],
    loading: Mapping[str, Any],
    tick: Callable[[str], None],
) -> Made:
    """Predict what has not been predicted yet.

    Args:
        folder: for the label images and run.json.
        model: folder and hash of the model.
        images: file and hash by name, largest first.
        options: of `inference.options.Options`.
        loading: engine, precision and device, of `inference.segmenter.load_model`.
        tick: called with the name of each image that is done; may raise `Stopped`.

    Raises:
        NucsegError: the model cannot be loaded, or its process died.
    """
    made_of = {
        "nucseg_tf": __version__,
        "model": model[1],
        "options": dict(options),
        "engine": {name: loading.get(name, "auto") for name in ("engine", "precision")},
    }

    def start(todo: Mapping[str, Path]) -> Made:
        return _start(
            Job(folder, model[0], dict(todo), [*timed_of(images).values()], options, loading), tick
        )

    return predict_missing(folder, made_of, images, tick, start)


def predict_missing(
    folder: Path,
    made_of: Mapping[str, Any],
    images: Mapping[str, Image],
    tick: Callable[[str], None],
    start: Callable[[Mapping[str, Path]], Made],
) -> Made:
    """Predict what is not there of the same making.

    Args:
        folder: for the label images and run.json.
        made_of: what a prediction depends on, besides its image.
        images: file and hash by name, largest first.
        tick: called with the name of each image that is there.
        start: predicts and times the files that it is given by name.
    """
    ensure_folder(folder)
    before = _read_record(folder)
    same = all(before.get(key) == value for key, value in made_of.items())
    made_of = {**made_of, "images": {name: digest for name, (_, digest) in images.items()}}
    known = before["images"] if same else {}
    kept = [
        name
        for name, (_, digest) in images.items()
        if known.get(name) == digest and labels_file(folder, name).is_file()
    ]
    todo = {name: file for name, (file, _) in images.items() if name not in kept}
    for name in todo:
        labels_file(folder, name).unlink(missing_ok=True)
    for name in kept:
        tick(name)
    if not todo and before.get("cost"):
        return Made({}, before["cost"])
    _write_record(folder, made_of)
    made = start(todo)
    _write_record(folder, made_of | {"cost": made.cost})
    return made


def timed_of(images: Mapping[str, Image]) -> dict[str, Path]:
    """Files of the images to be timed, by name."""
    chosen = list(images)[:: max(1, -(-len(images) // TIMED))]
    return {name: images[name][0] for name in chosen}


def _start(job: Job, tick: Callable[[str], None]) -> Made:
    """Run a job in a fresh process and listen to it."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(job, theirs), daemon=True)
    process.start()
    theirs.close()
    failures: dict[str, str] = {}
    try:
        while True:
            kind, *content = ours.recv()
            if kind == "error":
                raise content[0]
            if kind == "cost":
                return Made(failures, content[0])
            name, reason = content
            if reason:
                LOG.error("%s: %s", job.todo[name], reason)
                failures[name] = reason
            tick(name)
    except EOFError:
        process.join()
        raise NucsegError(
            f"{job.model}: its process ended with code {process.exitcode} (-9: out of memory?). "
            "Predictions are kept, and the same command goes on; smaller tiles (--tile) need less."
        ) from None
    finally:
        process.kill()
        process.join()


def _read_record(folder: Path) -> dict[str, Any]:
    try:
        record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        return record if isinstance(record.get("images"), dict) else {"images": {}}
    except (OSError, ValueError, AttributeError):
        return {"images": {}}


def _write_record(folder: Path, record: Mapping[str, Any]) -> None:
    with atomic_path(folder / "run.json") as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
