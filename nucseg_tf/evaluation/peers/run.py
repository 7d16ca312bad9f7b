"""Predictions of another tool: its program is started in its own Python and listened to.

It sees single planes as TIFF, read by us as for our own models, and its own defaults: diameter,
tiles and test-time augmentation are matters of our models.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nucseg_tf import __version__
from nucseg_tf.errors import DataError, PeerError
from nucseg_tf.evaluation.entries import Run
from nucseg_tf.evaluation.peers.table import PEERS, environment, find_python, version_of
from nucseg_tf.evaluation.predictions import Made, predict_missing, timed_of
from nucseg_tf.evaluation.worker import labels_file
from nucseg_tf.io.files import ensure_folder

LOG = logging.getLogger(__name__)
PROGRAM = Path(__file__).with_name("programs") / "drive.py"
READING = ("channel", "z", "pixel_size", "invert")  # options that are of the images
LAST_WORDS = 300  # characters


def check_peer(run: Run) -> dict[str, Any]:
    """Find the environment of a tool.

    Args:
        run: of kind "peer".

    Returns:
        `python`, `version`, and `weights`, the hash of those that were given, or "".

    Raises:
        PeerError: it is missing, or the tool is not in it.
    """
    python = find_python(run.entry)
    weights = _hash(Path(run.source)) if run.source else ""
    return {"python": python, "version": version_of(run.entry, python), "weights": weights}


def predict_peer(
    folder: Path,
    run: Run,
    known: Mapping[str, Any],
    images: Mapping[str, tuple[Path, str]],
    options: Mapping[str, Any],
    device: str,
    tick: Callable[[str], None],
) -> Made:
    """Predict what has not been predicted yet; see `predictions.predict_model`.

    Args:
        folder: for the label images, run.json and peer.log, what the tool printed.
        run: of kind "peer".
        known: of `check_peer`.
        images: file and hash by name, largest first.
        options: of `inference.options.Options`.
        device: auto, cpu or gpu.
        tick: called with the name of each image that is done; may raise `Stopped`.

    Raises:
        PeerError: the tool cannot be used, failed on every image, or its process died.
    """
    reading = {name: options.get(name) for name in READING}
    made_of = {
        **{"nucseg_tf": __version__, "peer": run.entry, "options": reading, "device": device},
        **{"version": known["version"], "weights": known["weights"]},
    }

    def start(todo: Mapping[str, Path]) -> Made:
        prepared = folder / "prepared"
        shutil.rmtree(prepared, ignore_errors=True)  # of a killed benchmark
        try:
            names = [*todo, *(name for name in timed_of(images) if name not in todo)]
            files = {name: images[name][0] for name in names}
            planes, failures = _prepare(ensure_folder(prepared), files, reading)
            for name in (name for name in failures if name in todo):
                tick(name)
            job = {
                "peer": run.entry,
                "weights": str(Path(run.source).resolve()) if run.source else None,
                "images": planes,
                "todo": {n: str(labels_file(folder, n).resolve()) for n in todo if n in planes},
                "timed": [name for name in timed_of(images) if name in planes],
            }
            (prepared / "job.json").write_text(json.dumps(job), encoding="utf-8")
            made = _listen(folder, run, known["python"], device, tick)
        finally:
            shutil.rmtree(prepared, ignore_errors=True)
        about = {"version": known["version"], "weights": run.source or made.cost["weights"]}
        tried = [name for name in todo if name in planes]
        # It was of no use, which is no score of 0; unless earlier it was.
        if len(todo) == len(images) and tried and made.failures.keys() >= {*tried}:
            raise PeerError(f"{run.entry}: fails on every image. {made.failures[tried[0]]}")
        failures = {name: reason for name, reason in failures.items() if name in todo}
        return Made(failures | made.failures, made.cost | about)

    return predict_missing(folder, made_of, images, tick, start)


def _prepare(
    folder: Path, files: Mapping[str, Path], reading: Mapping[str, Any]
) -> tuple[dict[str, tuple[str, float | None]], dict[str, str]]:
    """Single planes as TIFF, with their pixel size; and why others have none."""
    import tifffile

    from nucseg_tf.inference.options import Options
    from nucseg_tf.inference.stages.read import Read

    read = Read(Options(**reading))
    planes: dict[str, tuple[str, float | None]] = {}
    failures = {}
    for number, (name, file) in enumerate(files.items()):
        try:
            image = read(file)
        except DataError as error:
            LOG.error("%s", error)
            failures[name] = str(error)
            continue
        pixels = np.asarray(image.pixels)
        if pixels.dtype not in (np.uint8, np.uint16):
            pixels = pixels.astype(np.float32)
        target = folder / f"{number}.tif"
        tifffile.imwrite(target, pixels)
        planes[name] = (str(target.resolve()), image.pixel_size)
    return planes, failures


def _listen(folder: Path, run: Run, python: Path, device: str, tick: Callable[[str], None]) -> Made:
    """Run the program on what is prepared in a folder."""
    log = folder / "peer.log"
    command = [str(python), str(PROGRAM), str(folder / "prepared" / "job.json")]
    failures: dict[str, str] = {}
    seconds: dict[str, float] = {}
    with (
        log.open("wb") as printed,
        subprocess.Popen(
            command,
            env=environment(device),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=printed,
            text=True,
            encoding="utf-8",
            start_new_session=sys.platform != "win32",  # Ctrl-C is ours to answer
        ) as process,
    ):
        try:
            for line in process.stdout or ():
                message = json.loads(line)
                if "error" in message:
                    raise PeerError(_unusable(run, message))
                if "cost" in message:
                    return Made(failures, message["cost"] | {"each_s": seconds})
                name = message["image"]
                if message["reason"]:
                    LOG.error("%s: %s: %s", run.entry, name, message["reason"])
                    failures[name] = f"{run.entry}: {message['reason']}"
                else:
                    seconds[name] = message["seconds"]
                tick(name)
            code = process.wait()
        finally:
            process.kill()
    said = " ".join(log.read_text(encoding="utf-8", errors="replace").split())[-LAST_WORDS:]
    raise PeerError(
        f"{run.entry}: its process ended with code {code} (-9: out of memory?). Its last words, of "
        f"{log}: {said or 'none'}. What it predicted is kept, and the same command goes on."
    )


def _unusable(run: Run, message: Mapping[str, str]) -> str:
    """What to tell of a tool that cannot be loaded."""
    if message["error"] == "import":
        return (
            f"{run.entry}: cannot be imported in its environment ({message['text']}). Make that "
            "anew: make peers"
        )
    if run.source:
        return f"{run.entry}: {run.source}: cannot be loaded as its weights ({message['text']})"
    remedy = PEERS[run.entry].remedy
    return f"{run.entry}: its weights cannot be had here ({message['text']}). {remedy}"


def _hash(weights: Path) -> str:
    """Of a file, or of all files of a folder."""
    files = sorted(weights.iterdir()) if weights.is_dir() else [weights]
    digest = hashlib.sha256()
    for file in (file for file in files if file.is_file()):
        digest.update(file.name.encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
