"""Commands that are killed, begun again, and killed again until they are done."""

from __future__ import annotations

import random
import re
import shutil
import time
from pathlib import Path
from typing import Any

from kills.commands import Command, CommandStage, doing
from kills.forked import Ended, Plan, attempt, end_group
from kills.same import check_whole, differences, hidden

MOST = 12  # kills of one run, before it is let through


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
    found: dict[str, Any] = {"kills": 0, "runs": 0, "apart": [], "moments": {}, "differences": []}
    starts = [(drawn, _undisturbed(stage, drawn, home, log))]
    found["differences"] += [f"undisturbed: {text}" for text in stage.check(home)]
    home.rename(reference)
    if (reference / "cache").exists():  # most begin with a model that was converted before
        warm = work / "warm"
        shutil.copytree(drawn, warm)
        shutil.copytree(reference / "cache", warm / "cache")
        usual = _undisturbed(stage, warm, home, log)
        found["differences"] += [f"undisturbed: {text}" for text in _all(stage, home, reference)]
        shutil.rmtree(home)
        starts += [(warm, usual)] * 2
    while found["kills"] < kills and time.monotonic() < until:
        start, usual = rng.choice(starts)
        shutil.copytree(start, home)
        log.write_text("")
        most = min(MOST, kills - found["kills"])
        for command, known in zip(stage.commands, usual, strict=True):
            most -= _kill_command(command, home, known, most, rng, found, log, stage.late)
        new = _all(stage, home, reference) + stage.check(home)
        found["differences"] += [f"run {found['runs']}: {text}" for text in new]
        for group in found.pop("groups", []):  # processes that outlived their parent
            end_group(group)
        if new:
            shutil.copytree(home, work / f"different-{found['runs']}")
            shutil.copyfile(log, work / f"different-{found['runs']}.log")
        found["runs"] += 1
        shutil.rmtree(home)
    return found


def _undisturbed(stage: CommandStage, start: Path, home: Path, log: Path) -> list[Ended]:
    shutil.copytree(start, home)
    return [_must(attempt(doing(home, c(home, False)), home, log), log) for c in stage.commands]


def _must(ended: Ended, log: Path) -> Ended:
    if ended.code:
        raise SystemExit(f"ended with {ended.code}, undisturbed:\n{log.read_text()[-3000:]}")
    return ended


def _kill_command(
    command: Command,
    home: Path,
    known: Ended,
    most: int,
    rng: random.Random,
    found: dict[str, Any],
    log: Path,
    late: str,
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
        ended = attempt(doing(home, command(home, count > 0)), home, log, plan)
        if ended.code != -9:
            tail = log.read_text()[-400:]
            if ended.code and not (count and ended.code == 2 and re.search(late, tail)):
                found["differences"].append(
                    f"run {found['runs']}: {command(home, count > 0)[0]}: "
                    f"code {ended.code}, killed {moment}: {tail}"
                )
            return count
        count += 1
        found["kills"] += 1
        found["apart"].append(ended.seconds)
        found.setdefault("groups", []).append(ended.group)
        how = "before " if plan.at_write else "after "
        moment = (how + ended.last) if ended.last else "before the first write"
        found["moments"][moment] = found["moments"].get(moment, 0) + 1
        broken = [f"run {found['runs']}: {text}" for text in check_whole(home)]
        found["differences"] += [f"{text} ({moment})" for text in broken]


def _all(stage: CommandStage, home: Path, reference: Path) -> list[str]:
    return [text for name in stage.results for text in _compare(stage, home, reference, name)]


def _compare(stage: CommandStage, home: Path, reference: Path, name: str) -> list[str]:
    if not (home / name).exists():
        return [f"{name}: is missing"]
    new = differences(home / name, reference / name, stage.but)
    return new + [f"{name}: hidden: {text}" for text in hidden(home / name)]
