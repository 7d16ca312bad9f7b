"""The cases of `faults.py`: each makes a fault, and raises `Wrong` where that is not met right."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

ROOT = Path(__file__).parents[2]
MODEL = "fpn2ws-nuclei"
FULL = "No space left on device"
PATIENCE = 1500  # s, after which a command is taken to hang
SMALL = [
    word
    for setting in (
        "model.filters=8",
        "data.roi=64",
        "data.shoulder=4",
        "training.steps_per_epoch=3",
    )
    for word in ("--set", setting)
]


class Wrong(Exception):  # noqa: N818 - what a case found
    """A command that did not do what is right."""


def check(found: object, what: str) -> None:
    """Raise `Wrong` unless something is true."""
    if not found:
        raise Wrong(what)


def drawn(side: int, seed: int = 0) -> np.ndarray:
    """(side, side) uint16: round nuclei of 20 px on a grid of 48 px, with noise."""
    rows, columns = np.mgrid[:side, :side].astype(np.float32) % 48 - 24
    nuclei = 20000 / (1 + np.exp((rows**2 + columns**2 - 110).clip(None, 50)))
    noise = np.random.default_rng(seed).normal(1000, 200, (side, side))
    return (nuclei + noise).clip(0, 65535).astype(np.uint16)


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    said: str

    def must(self, code: int, *words: str) -> Done:
        """Refuse another code, a traceback, and a message without these words."""
        check(self.code == code, f"code {self.code}, not {code}: {self.said[-300:]}")
        check("Traceback" not in self.said, f"a traceback: {self.said[-300:]}")
        for word in words:
            check(word in self.said, f"nothing of {word!r}: {self.said[-300:]}")
        return self


def end(process: subprocess.Popen) -> Done:
    """Wait for a command; one that hangs is killed."""
    try:
        out, said = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired as error:
        process.kill()
        process.communicate()
        raise Wrong(f"has not ended after {PATIENCE} s") from error
    return Done(process.returncode, out, said)


@dataclass(frozen=True)
class Room:
    """A folder for a case."""

    folder: Path

    def start(self, *arguments: object, env: Mapping[str, str] | None = None, **more):
        """Start `nucseg` with arguments."""
        return subprocess.Popen(
            [sys.executable, "-m", "nucseg_tf", *map(str, arguments)],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
            **more,
        )

    def nucseg(self, *arguments: object, memory: int = 0, **more) -> Done:
        """Run `nucseg` to its end, in so many MiB of addresses."""

        def restrict() -> None:
            resource.setrlimit(resource.RLIMIT_AS, (memory * 2**20, memory * 2**20))

        process = self.start(*arguments, preexec_fn=restrict if memory else None, **more)
        return end(process)

    def images(self, count: int = 3, side: int = 160) -> Path:
        """A folder of drawn images."""
        folder = self.folder / "images"
        folder.mkdir()
        for number in range(count):
            tifffile.imwrite(folder / f"{number}.tif", drawn(side, number))
        return folder

    def data(self, side: int = 160) -> Path:
        """A data set: images, and masks of what is bright in them."""
        import cv2

        folder = self.folder / "data"
        for part, count in (("train", 2), ("val", 1)):
            for kind in ("images", "masks"):
                (folder / part / kind).mkdir(parents=True)
            for number in range(count):
                image = drawn(side, number)
                bright = cv2.GaussianBlur(image, (0, 0), 2) > 8000
                labels = cv2.connectedComponents(bright.astype(np.uint8))[1]
                tifffile.imwrite(folder / part / "images" / f"{part}{number}.tif", image)
                tifffile.imwrite(
                    folder / part / "masks" / f"{part}{number}.tif", labels.astype(np.uint16)
                )
        return folder

    @contextmanager
    def disk(self, size: int) -> Iterator[Path]:
        """A disk of so many kB."""
        place = self.folder / "disk"
        place.mkdir()
        options = ["-o", f"size={size}k", "tmpfs", str(place)]
        subprocess.run(["mount", "-t", "tmpfs", *options], check=True)
        try:
            yield place
        finally:
            subprocess.run(["umount", "-l", str(place)], check=True)


def grow(place: Path, size: int) -> None:
    """Make a disk larger, kB."""
    subprocess.run(["mount", "-o", f"remount,size={size}k", str(place)], check=True)


def no_pieces(place: Path) -> None:
    """Refuse files that are left of writing, and images that cannot be read."""
    kept = (".objects", ".run", ".lock")
    hidden = [p.name for p in place.rglob(".*") if not p.name.startswith(kept)]
    check(not hidden, f"left behind: {hidden}")
    for path in place.rglob("*.tif"):
        tifffile.imread(path)


@dataclass(frozen=True)
class Case:
    """A fault.

    Attributes:
        what: the fault.
        right: what is to come of it.
        run: makes it; raises where that is not what comes.
    """

    what: str
    right: str
    run: Callable[[Room], None]


CASES: dict[str, Case] = {}
ON = "code 1 with path and free space; no partial file; with space the same command goes on"


def case(what: str, right: str) -> Callable[[Callable[[Room], None]], Callable[[Room], None]]:
    """Add a function to CASES, by its name."""

    def add(run: Callable[[Room], None]) -> Callable[[Room], None]:
        CASES[run.__name__] = Case(what, right, run)
        return run

    return add


def goes_on(room: Room, size: int, command: Callable[[Path], list[object]], result: str) -> None:
    """Let a command fail on a disk of `size` kB, enlarge that, and let it end."""
    with room.disk(size) as disk:
        failed = room.nucseg(*command(disk))
        failed.must(1, FULL, "are free in", str(disk.name))
        no_pieces(disk)
        grow(disk, 400_000)
        room.nucseg(*command(disk)).must(0)
        check(list(disk.glob(result)), f"no {result}")


@case("disk full, `predict`: label images", ON)
def predict_full(room: Room) -> None:
    images = room.images(12, 480)
    goes_on(room, 60, lambda disk: ["predict", images, "--out", disk / "out"], "out/run.json")


@case("disk full, `predict --overlay --geojson`", ON)
def writers_full(room: Room) -> None:
    images = room.images(3, 480)
    options = ["--overlay", "--geojson"]
    goes_on(room, 300, lambda d: ["predict", images, "--out", d / "out", *options], "out/run.json")


@case("disk full, `augment`: a store", ON)
def augment_full(room: Room) -> None:
    data = room.data()
    more = ["--rois", "200", "--set", "data.roi=128"]
    goes_on(
        room,
        900,
        lambda d: ["augment", "smoke", "--data", data, "--out", d / "s.h5", *more],
        "s.h5",
    )


@case("disk full, `convert` to COCO", ON)
def convert_full(room: Room) -> None:
    source = room.data(1200) / "train"
    goes_on(room, 900, lambda disk: ["convert", source, disk / "c", "--to", "coco"], "c/*")


@case("disk full, labels and tables inside OME-Zarr images", ON)
def zarr_full(room: Room) -> None:
    from nucseg_tf.io.omezarr.write_image import write_image

    write_image(room.folder / "a.ome.zarr", drawn(480), "YX")

    def command(disk: Path) -> list[object]:
        if not (disk / "a.ome.zarr").exists():
            shutil.copytree(room.folder / "a.ome.zarr", disk / "a.ome.zarr")
            used = shutil.disk_usage(disk).free
            (disk / "filler").write_bytes(bytes(max(0, used - 20_000)))
        return ["predict", disk / "a.ome.zarr", "--out", room.folder / "out"]

    goes_on(room, 2000, command, "a.ome.zarr/labels/nuclei")


@case("disk full, `models export`", ON)
def export_full(room: Room) -> None:
    goes_on(room, 900, lambda disk: ["models", "export", MODEL, disk / "m.zip"], "m.zip")


@case("disk full, `models import`", ON)
def import_full(room: Room) -> None:
    room.nucseg("models", "export", MODEL, "m.zip").must(0)
    file = room.folder / "m.zip"
    goes_on(room, 900, lambda d: ["models", "import", file, "--models-dir", d / "m"], f"m/{MODEL}")


@case("disk full, `train`: the checkpoint", f"{ON} (`--resume`)")
def train_full(room: Room) -> None:
    data = room.data()
    with room.disk(1_000_000) as disk:
        command = ["train", "smoke", "--data", data, "--out", disk / "run", *SMALL]
        filler = disk / "filler"
        process = room.start(*command)
        while process.poll() is None and not (disk / "run" / "best.h5").exists():
            time.sleep(0.05)
        with suppress(OSError), filler.open("wb") as file:
            while True:
                file.write(bytes(2**16))
        ended = end(process)
        filler_size = filler.stat().st_size
        check(filler_size > 0, "was not filled")
        ended.must(1, FULL, "are free in")
        no_pieces(disk)
        filler.unlink()
        room.nucseg(*command, "--resume").must(0)
        check((disk / "run" / "model" / "model.yaml").is_file(), "no model")


@case("disk full, `benchmark`", ON)
def benchmark_full(room: Room) -> None:
    data = room.data(480)
    more = ["--split", "val", "--models", MODEL]
    goes_on(
        room, 40, lambda d: ["benchmark", "--data", data, "--out", d / "b", *more], "b/report.html"
    )


@case("disk full, `merge`", ON)
def merge_full(room: Room) -> None:
    images = room.images(4, 480)
    for part in ("1/2", "2/2"):
        room.nucseg("predict", images, "--out", "parts", "--shard", part).must(0)
    parts = room.folder / "parts"
    goes_on(room, 20, lambda disk: ["merge", parts, "--out", disk / "all"], "all/objects.csv")


@case("TMPDIR is missing, HOME and the cache cannot be written", "done all the same")
def nowhere(room: Room) -> None:
    images = room.images(1)
    away = str(room.folder / "images" / "0.tif" / "no")
    env = {"TMPDIR": away, "HOME": away, "NUCSEG_CACHE": away}
    room.nucseg("predict", images, "--out", "out", env=env).must(0)


@case("output on a disk that is mounted read-only", "code 1, the path, nothing computed")
def read_only(room: Room) -> None:
    images = room.images(1)
    with room.disk(1000) as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        room.nucseg("predict", images, "--out", disk / "out").must(
            1, "Read-only file system", "disk/out"
        )


@case("the output folder vanishes while it is written into", "code 1 or 3, the path, no hang")
def vanishing(room: Room) -> None:
    images = room.images(12, 640)
    process = room.start("predict", images, "--out", "out")
    while process.poll() is None and not list(room.folder.glob("out/*_labels.tif")):
        time.sleep(0.02)
    shutil.rmtree(room.folder / "out", ignore_errors=True)
    ended = end(process)
    check(ended.code in (1, 3), f"code {ended.code}")
    ended.must(ended.code, "out/", "No such file")


@case("an image grows while others are read", "fails alone: failures.csv, code 3; again: done")
def growing(room: Room) -> None:
    images = room.images(12, 640)
    process = room.start("predict", images, "--out", "out", "--workers", "1")
    while process.poll() is None and not list(room.folder.glob("out/*_labels.tif")):
        time.sleep(0.02)
    with (images / "9.tif").open("ab") as file:
        file.write(b"more")
    end(process).must(3, "9.tif", "has changed")
    room.nucseg("predict", images, "--out", "out").must(0)


@case(
    "two `predict` into one folder",
    "the second: code 1, and process, machine and time of the first",
)
def two_predict(room: Room) -> None:
    images = room.images(12, 640)
    first = room.start("predict", images, "--out", "out")
    while first.poll() is None and not (room.folder / "out" / ".lock").exists():
        time.sleep(0.02)
    room.nucseg("predict", images, "--out", "out").must(1, f"process {first.pid} on ", "since")
    end(first).must(0)


@case(
    "two `train` into one folder", "the second: code 1, and process, machine and time of the first"
)
def two_train(room: Room) -> None:
    command = ["train", "smoke", "--data", room.data(), "--out", "run", *SMALL]
    first = room.start(*command)
    while first.poll() is None and not (room.folder / "run" / ".lock").exists():
        time.sleep(0.02)
    room.nucseg(*command).must(1, f"process {first.pid} on ", "since")
    first.terminate()
    end(first)


@case(
    "two `augment` of one store", "the second: code 1, and process, machine and time of the first"
)
def two_augment(room: Room) -> None:
    command = ["augment", "smoke", "--data", room.data(), "--out", "s.h5", "--rois", "20000"]
    first = room.start(*command)
    while first.poll() is None and not (room.folder / ".s.h5.lock").exists():
        time.sleep(0.02)
    room.nucseg(*command).must(1, f"process {first.pid} on ", "since")
    first.terminate()
    end(first)


@case("1,500 MiB of addresses", "smaller tiles, one image at a time; said")
def little_memory(room: Room) -> None:
    images = room.images(1, 1600)
    done = room.nucseg("predict", images, "--out", "out", "--diameter", "native", memory=1500)
    done.must(0, "memory are left: tiles of")


@case(
    "1,100 MiB of addresses",
    "code 1 or 3; what was wanted, what is allowed, --tile; no hang. With one thread, which needs "
    "less: done in the smallest tiles; said",
)
def least_memory(room: Room) -> None:
    images = room.images(1, 1600)
    done = room.nucseg("predict", images, "--out", "out", "--diameter", "native", memory=1100)
    if done.code == 0:
        done.must(0, "memory are left: tiles of 384 px, 1 image at once")
    else:
        done.must(done.code, "out of memory", "are allowed in all", "--tile")


@case(
    "the process that predicts for `benchmark` is ended by the system (SIGKILL)",
    "code 1, said; goes on",
)
def worker_killed(room: Room) -> None:
    data = room.data(640)
    command = ["benchmark", "--data", data, "--out", "b", "--split", "val", "--models", MODEL]
    first = room.start(*command)
    worker = 0
    while first.poll() is None and not worker:
        children = Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text().split()
        for child in children:
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                worker = int(child)
        time.sleep(0.02)
    os.kill(worker, 9)
    end(first).must(1, "ended with code -9", "the same command goes on")
    room.nucseg(*command).must(0)


@case("the clock is set back by a year between a kill and going on", "goes on; nothing done twice")
def clock(room: Room) -> None:
    images = room.images(6, 480)
    first = room.start("predict", images, "--out", "out")
    while first.poll() is None and not list(room.folder.glob("out/1_labels.tif")):
        time.sleep(0.02)
    first.kill()
    first.communicate()
    done = {p.name: p.stat().st_mtime_ns for p in room.folder.glob("out/0_labels.tif")}
    library = next(Path("/usr/lib").rglob("libfaketime.so.1"), None)
    env = {"LD_PRELOAD": str(library), "FAKETIME": "-1y", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    env["NO_FAKE_STAT"] = "1"
    room.nucseg("predict", images, "--out", "out", env=env if library else None).must(0)
    check(done == {name: (room.folder / "out" / name).stat().st_mtime_ns for name in done}, "twice")
    record = json.loads((room.folder / "out" / "run.json").read_text())
    check(0 <= record["seconds"]["total"] < PATIENCE, f"{record['seconds']}")
    check(library, "no libfaketime here: the clock stayed")
