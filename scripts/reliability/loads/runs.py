"""Commands over many images, watched from outside while they work."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loads.fields import write_small
from loads.watch import Watch, rows

ROOT = Path(__file__).parents[3]
SETTINGS = (
    *("model.encoder=mobilenetv2", "model.filters=8", "data.roi=64", "data.shoulder=4"),
    *("data.find_diameter=false", "training.batch=2", "training.steps_per_epoch=25"),
)


@dataclass(frozen=True)
class Place:
    """Where a run works.

    Attributes:
        folder: for everything.
        count: of images, or of what else is counted.
    """

    folder: Path
    count: int

    @property
    def out(self) -> Path:
        """For the results."""
        return self.folder / "out"

    @property
    def log(self) -> Path:
        """What the command says."""
        return self.folder / "log.txt"

    @property
    def cache(self) -> Path:
        """What runs keep for later ones; converted networks, so that no run begins with that."""
        return self.folder.parent / "cache"

    @property
    def fields(self) -> Path:
        """Images and masks, which runs of the same number share."""
        return self.folder.parent / f"fields-{self.count}"


class Lines:
    """How many lines a file has by now; only what came since is read.

    Args:
        path: the file; its lines stay counted when it is gone.
        pattern: that a line must have.
        each: what a line counts.
    """

    def __init__(self, path: Path, pattern: str = "", each: int = 1):
        self._path, self._pattern, self._each = path, re.compile(pattern), each
        self._place = self._found = 0
        self._rest = ""

    def __call__(self) -> int:
        """The count."""
        try:
            with self._path.open(encoding="utf-8", errors="replace") as stream:
                stream.seek(self._place)
                text = self._rest + stream.read()
                self._place = stream.tell()
        except FileNotFoundError:
            return self._found * self._each
        *lines, self._rest = text.split("\n")
        self._found += sum(self._pattern.search(line) is not None for line in lines)
        return self._found * self._each


def files_in(folder: Path, ending: str) -> Callable[[], int]:
    """How many files a folder and those below have by now."""
    return lambda: sum(name.endswith(ending) for _, _, names in os.walk(folder) for name in names)


Plan = tuple[list[str], Callable[[], int]]


def predict(place: Place, *options: str) -> Plan:
    """Label images, overlays, ROIs."""
    return _predict(place, write_small(place.fields, place.count, masks=True), *options)


def alike(place: Place) -> Plan:
    """The same of images of one shape, as those of a microscope are."""
    return _predict(place, write_small(place.folder / "fields", place.count, sides=(96, 97)))


def _predict(place: Place, images: Path, *options: str) -> Plan:
    if not place.cache.exists():
        nucseg(["predict", str(images / "00000.tif"), "--out", str(place.folder / "first")], place)
    command = ["predict", str(images), "--out", str(place.out), "--overlay", "--rois", *options]
    return command, Lines(place.out / ".run.jsonl", '"start":')


def plate(place: Place) -> Plan:
    """A plate in OME-Zarr, into which labels and tables are written."""
    folder = place.folder / "plate"
    drawn = ["simulate", "--plate", "16x24", "--layout", "zarr", "--size", "128x128"]
    if not folder.is_dir():
        fields = str(place.count // 384)
        nucseg([*drawn, "--fields", fields, "--channels", "1", "--out", str(folder)], place)
    (made,) = folder.glob("*.zarr")
    command = ["predict", str(made), "--out", str(place.out), "--thumbnail"]
    return command, Lines(place.out / ".run.jsonl", '"start":')


def report(place: Place) -> Plan:
    """The page of the plate; what it has done cannot be seen from outside."""
    return ["report", str(place.folder.parent / f"plate-{place.count}" / "out")], lambda: 0


def benchmark(place: Place) -> Plan:
    """Predicts, scores, draws."""
    write_small(place.fields, place.count, masks=True)
    command = ["benchmark", "--data", str(place.fields), "--models", "fpn2ws-nuclei"]
    return [*command, "--out", str(place.out)], files_in(place.out, "_labels.tif")


def evaluate(place: Place) -> Plan:
    """Scores what `predict` found; what it has done cannot be seen from outside."""
    write_small(place.fields, place.count, masks=True)
    found = place.folder.parent / f"predict-{place.count}" / "out"
    return ["evaluate", str(place.fields / "masks"), str(found), "--out", str(place.out)], lambda: 0


def train(place: Place) -> Plan:
    """Epochs of 25 steps of a small network; counted are steps."""
    data = _data(place)
    epochs = f"training.epochs={place.count // 25}"
    command = ["train", "smoke", "--data", str(data), "--out", str(place.out)]
    return [*command, *_sets(epochs)], Lines(place.log, "steps/s", 25)


def augment(place: Place) -> Plan:
    """A store of ROIs."""
    command = ["augment", "smoke", "--data", str(_data(place)), "--rois", str(place.count)]
    out = place.out / "store.h5"
    return [*command, "--out", str(out), *_sets()], Lines(place.log, r"\(\d+/\d+.*ROIs", 1)


PLANS: dict[str, Callable[[Place], Plan]] = {
    "predict": predict,
    "alike": alike,
    "keras": lambda place: predict(place, "--engine", "keras"),
    "plate": plate,
    "report": report,
    "benchmark": benchmark,
    "evaluate": evaluate,
    "train": train,
    "augment": augment,
}


def _sets(*more: str) -> list[str]:
    return [word for setting in (*SETTINGS, *more) for word in ("--set", setting)]


def _data(place: Place) -> Path:
    """Fields to train on."""
    folder = place.folder.parent / "training"
    for split, count in (("train", 40), ("val", 10)):
        write_small(folder / split, count, masks=True)
    return folder


def environment(place: Place) -> dict[str, str]:
    """Temporary files and the cache lie in folders of their own; one thread computes."""
    for folder in (place.folder / "tmp", place.cache):
        folder.mkdir(parents=True, exist_ok=True)
    known = {"TMPDIR": str(place.folder / "tmp"), "NUCSEG_CACHE": str(place.cache)}
    known |= {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    return os.environ | {"OMP_NUM_THREADS": "1"} | known


def nucseg(arguments: Sequence[str], place: Place) -> None:
    """Run a command to its end.

    Raises:
        SystemExit: it failed.
    """
    command = [sys.executable, "-m", "nucseg_tf", *arguments]
    ended = subprocess.run(
        command, env=environment(place), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if ended.returncode:
        raise SystemExit(f"nucseg {' '.join(arguments)}: {ended.stdout[-2000:]}")


def watched(name: str, place: Place) -> dict[str, Any]:
    """Run one of PLANS and look on.

    Returns:
        `command`, `count`, `seconds`, and `samples`.

    Raises:
        SystemExit: it failed.
    """
    place.folder.mkdir(parents=True, exist_ok=True)
    arguments, done = PLANS[name](place)
    folders = {"temporary": place.folder / "tmp", "out": place.out, "cache": place.cache}
    command = [sys.executable, "-m", "nucseg_tf", *arguments]
    began = time.perf_counter()
    with place.log.open("w") as log:
        process = subprocess.Popen(command, env=environment(place), stdout=log, stderr=log)
        with Watch(process.pid, done, folders) as watch:
            code = process.wait()
    if code:
        raise SystemExit(f"nucseg {' '.join(arguments)}: code {code}, see {place.log}")
    left = sorted(path.name for path in (place.folder / "tmp").iterdir())
    hidden = sorted(path.name for path in place.out.glob(".*")) if place.out.is_dir() else []
    return {
        "command": "nucseg "
        + " ".join(word.replace(f"{place.folder.parent}/", "") for word in arguments),
        "count": place.count,
        "seconds": round(time.perf_counter() - began, 1),
        "left": left + hidden,
        "samples": rows(watch.samples),
    }
