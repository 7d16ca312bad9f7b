"""Stages that are commands: what each does, and what of it is compared."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kills.drawn import draw_data, draw_images, draw_plate, draw_zarr, make_model
from kills.forked import attempt

SMALL = (
    *("model.encoder=mobilenetv2", "model.filters=8", "data.roi=64", "data.shoulder=4"),
    *("data.find_diameter=false", "augment.zoom=1", "training.batch=2"),
    *("training.steps_per_epoch=6", "training.epochs=8", "training.average=0.9"),
    *("training.schedule=plateau", "training.threads=1"),
)

Command = Callable[[Path, bool], list[str]]  # home, and whether it is begun again; gives argv


@dataclass(frozen=True)
class CommandStage:
    """Commands that are done one after the other in a folder.

    Attributes:
        draw: what is there before, made in a folder.
        commands: what is done.
        results: folders that are compared, below that.
        but: a regular expression of paths that are not compared.
        check: gives further differences that a finished run may have.
        late: what a command says, with code 2, that was killed after all of it was done.
    """

    draw: Callable[[Path], None]
    commands: Sequence[Command]
    results: Sequence[str]
    but: str = ""
    check: Callable[[Path], list[str]] = field(default=lambda home: [])
    late: str = "$."


def _settings() -> list[str]:
    return [word for setting in SMALL for word in ("--set", setting)]


def _draw_training(home: Path) -> None:
    draw_data(home / "data", 5)
    (home / "config.yaml").write_text("name: small\n")


def _train(home: Path, again: bool) -> list[str]:
    folders = ["--data", f"{home}/data", "--out", f"{home}/out", "--requeue"]
    return ["train", f"{home}/config.yaml", *folders, *_settings()]


def _augment(home: Path, again: bool) -> list[str]:
    folders = ["--data", f"{home}/data", "--out", f"{home}/out/store.h5", "--rois", "600"]
    return ["augment", f"{home}/config.yaml", *folders, *_settings()]


def _predict(paths: str, *more: str) -> Command:
    def command(home: Path, again: bool) -> list[str]:
        folders = [f"{home}/{paths}", "--out", f"{home}/out", "--model", f"{home}/m/model"]
        return ["predict", *folders, *more]

    return command


def _simple(*words: str) -> Command:
    return lambda home, again: [word.replace("HOME", str(home)) for word in words]


def _with_model(draw: Callable[..., None], *arguments: Any) -> Callable[[Path], None]:
    def both(home: Path) -> None:
        make_model(home / "m")
        draw(home / "in", *arguments)

    return both


def _draw_benchmark(home: Path) -> None:
    make_model(home / "m")
    draw_data(home / "data", 4)
    (home / "theirs").mkdir()
    for mask in (home / "data" / "masks").iterdir():
        shutil.copyfile(mask, home / "theirs" / f"{mask.stem}_labels.tif")


def doing(home: Path, argv: list[str]) -> Callable[[], int]:
    """What a child does to run `nucseg` with these arguments."""

    def work() -> int:
        from nucseg_tf.__main__ import main

        os.environ["NUCSEG_CACHE"] = str(home / "cache")
        return main(argv)

    return work


def _report_agrees(home: Path) -> list[str]:
    """Whether the report is that of the results beside it; it has times in it."""
    again = home / "again"
    shutil.copytree(home / "out", again)

    ended = attempt(doing(home, ["report", str(again)]), home, home / "log")
    same = (again / "report.html").read_bytes() == (home / "out" / "report.html").read_bytes()
    shutil.rmtree(again)
    return [] if same and not ended.code else ["report.html: is not of what is beside it"]


def _back(home: Path, again: bool) -> list[str]:
    # What a killed one has written stands there: as documented, to be replaced.
    more = ["--overwrite"] if again else []
    return ["convert", f"{home}/out/project", f"{home}/back", "--to", "labels", *more]


_PLATE = ("--pattern", "auto", "--channel", "DAPI", "--diameter", "24", "--geojson", "--rois")
_REPORT = r"^report\.html$"
STAGES = {
    "train": CommandStage(_draw_training, [_train], ["out"]),
    "augment": CommandStage(_draw_training, [_augment], ["out"]),
    "predict": CommandStage(
        _with_model(draw_images, 12), [_predict("in", "--overlay", "--rois")], ["out"]
    ),
    "predict-zarr": CommandStage(_with_model(draw_zarr, 5), [_predict("in")], ["in", "out"]),
    "plate": CommandStage(
        _with_model(draw_plate, "cellvoyager"),
        [
            _predict("in", *_PLATE, "--shard", "1/2"),
            _predict("in", *_PLATE, "--shard", "2/2"),
            _simple("merge", "HOME/out"),
            _simple("report", "HOME/out"),
        ],
        ["out"],
        but=_REPORT,
        check=_report_agrees,
    ),
    "plate-zarr": CommandStage(
        _with_model(draw_plate, "zarr"),
        [_predict("in/Simulated-U2OS-seed1.zarr", "--channel", "DAPI", "--diameter", "24")],
        ["in", "out"],
    ),
    "prelabel": CommandStage(
        _with_model(draw_images, 8),
        [_simple("prelabel", "HOME/in", "--method", "HOME/m/model", "--out", "HOME/out")],
        ["out"],
    ),
    "convert": CommandStage(
        lambda home: draw_data(home / "data", 4),
        [
            _simple("convert", "HOME/data", "HOME/out/project", "--to", "supervisely"),
            _simple("convert", "HOME/data", "HOME/out/project.zip", "--to", "coco"),
            _back,
        ],
        ["out", "back"],
        but=r"^annotation/",  # copies of masks that were replaced
        late=r"project\.zip: exists already",
    ),
    "benchmark": CommandStage(
        _draw_benchmark,
        [
            _simple(
                *("benchmark", "--data", "HOME/data", "--models", "tiny=HOME/m/model"),
                *("--labels", "theirs=HOME/theirs", "--out", "HOME/out"),
            )
        ],
        ["out"],
        but=_REPORT,
        check=_report_agrees,
    ),
}
