"""Stages that are commands: each is killed, begun again, and killed again until it is done."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kills.drawn import draw_data, draw_images, draw_plate, draw_zarr, make_model
from kills.forked import Ended, Plan, attempt
from kills.same import check_whole, differences, hidden

SMALL = (
    *("model.encoder=mobilenetv2", "model.filters=8", "data.roi=64", "data.shoulder=4"),
    *("data.find_diameter=false", "augment.zoom=1", "training.batch=2"),
    *("training.steps_per_epoch=6", "training.epochs=8", "training.average=0.9"),
    *("training.schedule=plateau", "training.threads=1"),
)
MOST = 12  # kills of one run, before it is let through

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
    """

    draw: Callable[[Path], None]
    commands: Sequence[Command]
    results: Sequence[str]
    but: str = ""
    check: Callable[[Path], list[str]] = field(default=lambda home: [])


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


def _report_agrees(home: Path) -> list[str]:
    """Whether the report is that of the results beside it; it has times in it."""
    again = home / "again"
    shutil.copytree(home / "out", again)

    ended = attempt(_doing(home, ["report", str(again)]), home, home / "log")
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
        _with_model(draw_images, 24), [_predict("in", "--overlay", "--rois")], ["out"]
    ),
    "predict-zarr": CommandStage(_with_model(draw_zarr, 8), [_predict("in")], ["in", "out"]),
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
        [_predict("in", "--channel", "DAPI", "--diameter", "24")],
        ["in", "out"],
    ),
    "prelabel": CommandStage(
        _with_model(draw_images, 12),
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


def kill_commands(
    stage: CommandStage, work: Path, kills: int, rng: random.Random, until: float
) -> dict[str, Any]:
    """Do the commands of a stage until they have been killed so often.

    Args:
        stage: what.
        work: an empty folder.
        kills: how often.
        rng: for the moments.
        until: when (time.monotonic) to stop all the same.

    Returns:
        `kills`, `runs`, `apart` (s from begin to kill), `moments` and `differences`.
    """
    home, drawn, reference = work / "home", work / "drawn", work / "reference"
    log = work / "log"
    drawn.mkdir()
    _must(attempt(lambda: stage.draw(drawn), drawn, log), log)
    shutil.copytree(drawn, home)
    usual = [_must(attempt(_doing(home, c(home, False)), home, log), log) for c in stage.commands]
    found: dict[str, Any] = {"kills": 0, "runs": 0, "apart": [], "moments": {}, "differences": []}
    found["differences"] += [f"undisturbed: {text}" for text in stage.check(home)]
    home.rename(reference)
    while found["kills"] < kills and time.monotonic() < until:
        shutil.copytree(drawn, home)
        log.write_text("")
        most = min(MOST, kills - found["kills"])
        for command, known in zip(stage.commands, usual, strict=True):
            most -= _kill_command(command, home, known, most, rng, found, log)
        new = [text for name in stage.results for text in _compare(stage, home, reference, name)]
        new += stage.check(home)
        found["differences"] += [f"run {found['runs']}: {text}" for text in new]
        if new:
            shutil.copytree(home, work / f"different-{found['runs']}")
            shutil.copyfile(log, work / f"different-{found['runs']}.log")
        found["runs"] += 1
        shutil.rmtree(home)
    return found


def _must(ended: Ended, log: Path) -> Ended:
    if ended.code:
        raise SystemExit(f"ended with {ended.code}, undisturbed:\n{log.read_text()[-3000:]}")
    return ended


def _doing(home: Path, argv: list[str]) -> Callable[[], int]:
    def work() -> int:
        from nucseg_tf.__main__ import main

        os.environ["NUCSEG_CACHE"] = str(home / "cache")
        return main(argv)

    return work


def _kill_command(
    command: Command,
    home: Path,
    known: Ended,
    most: int,
    rng: random.Random,
    found: dict[str, Any],
    log: Path,
) -> int:
    """Do one command, killed at most so often; gives how often it was."""
    count, moment = 0, "never"
    while True:
        group = rng.random() < 0.5
        plan = Plan()
        if count < most and rng.random() < 0.5:
            plan = Plan(after=rng.uniform(0, known.seconds), group=group)
        elif count < most:
            plan = Plan(at_write=rng.randint(1, known.writes), group=group)
        ended = attempt(_doing(home, command(home, count > 0)), home, log, plan)
        if ended.code != -9:
            if ended.code:
                tail = log.read_text()[-400:]
                found["differences"].append(
                    f"run {found['runs']}: {command(home, count > 0)[0]}: "
                    f"code {ended.code}, killed {moment}: {tail}"
                )
            return count
        count += 1
        found["kills"] += 1
        found["apart"].append(ended.seconds)
        how = "before " if plan.at_write else "after "
        moment = (how + ended.last) if ended.last else "before the first write"
        found["moments"][moment] = found["moments"].get(moment, 0) + 1
        broken = [f"run {found['runs']}: {text}" for text in check_whole(home)]
        found["differences"] += [f"{text} ({moment})" for text in broken]


def _compare(stage: CommandStage, home: Path, reference: Path, name: str) -> list[str]:
    if not (home / name).exists():
        return [f"{name}: is missing"]
    new = differences(home / name, reference / name, stage.but)
    return new + [f"{name}: hidden: {text}" for text in hidden(home / name)]
