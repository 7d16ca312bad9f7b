"""What is measured; each part gives an object of JSON."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from speed import fields
from speed.process import ProcessError, measure
from speed.tools import OURS, Tool
from speed.turns import take_turns

SIDES = (550, 1000, 2000, 4000, 8000, 12000, 20000)  # px; 0.3 to 400 Mpx
FEWER_FROM = 8000  # px, side of fields that are measured in `FEWER` rounds at most
FEWER = 2


@dataclass(frozen=True)
class Plan:
    """What to measure.

    Attributes:
        tools: that take turns.
        rounds: of each measurement.
        images: copies of fields of 520 x 696 px.
        fields: folder to take them from; simulated ones without.
        largest: Mpx of the largest field.
        shapes: number of different shapes.
        limit_s: seconds after which a process is ended.
        patience_s: a tool that took longer for a field is not asked for a larger one.
        folder: for images.
        say: gets a line for each measurement.
    """

    tools: Sequence[Tool]
    rounds: int
    images: int
    fields: Path | None
    largest: float
    shapes: int
    limit_s: float
    patience_s: float
    folder: Path
    say: Callable[[str], None]

    def turns(self, runs: Mapping[str, Callable[[], dict]], rounds: int | None = None) -> dict:
        """`take_turns` of the plan."""
        return take_turns(runs, rounds or self.rounds, self.say)

    def predictions(self, images: Path, rounds: int | None = None) -> dict[str, Any]:
        """All tools predict a folder in turns."""
        runs = {tool.name: partial(tool.run, images, self.limit_s) for tool in self.tools}
        return self.turns(runs, rounds)

    @property
    def usual(self) -> Path:
        """Folder of the usual fields, written when they are first asked for."""
        folder = self.folder / "usual"
        if not folder.exists():
            fields.write_usual(folder, self.images, self.fields)
        return folder

    @property
    def single(self) -> Path:
        """One of the usual fields."""
        return self.usual / "field_000.tif"


def whole(plan: Plan) -> dict[str, Any]:
    """The whole program over the usual fields, start-up included."""
    kept = sorted(plan.usual.iterdir())
    mpx = len(kept) * fields.USUAL[0] * fields.USUAL[1] / 1e6
    return {"images": len(kept), "mpx": mpx} | plan.predictions(plan.usual)


def stages(plan: Plan) -> dict[str, Any]:
    """Each stage over the usual fields, after the first image."""
    return plan.turns(
        {tool.name: partial(tool.run_staged, plan.usual, plan.limit_s) for tool in plan.tools}
    )


def startup(plan: Plan) -> dict[str, Any]:
    """Help, import, and one image."""
    runs: dict[str, Callable[[], dict]] = {}
    for tool in plan.tools:
        if tool.name == OURS:
            command = [sys.executable, "-m", "nucseg_tf", "--help"]
            runs[f"{tool.name}: --help"] = partial(measure, command, tool.env, plan.limit_s)
        runs[f"{tool.name}: import"] = partial(tool.run_import, plan.limit_s)
        runs[f"{tool.name}: one image"] = partial(tool.run, plan.single, plan.limit_s)
    return plan.turns(runs)


def size(plan: Plan) -> dict[str, Any]:
    """One field, of growing size, for each tool until it fails or takes too long."""
    tools, rows = list(plan.tools), []
    for side in (side for side in SIDES if side**2 / 1e6 <= plan.largest):
        plan.say(f" {side} x {side} px")
        with tempfile.TemporaryDirectory(dir=plan.folder) as folder:
            images = Path(folder) / "images"
            fields.write_large(images, side)
            runs = {tool.name: partial(tool.run, images, plan.limit_s) for tool in tools}
            rounds = plan.rounds if side < FEWER_FROM else min(FEWER, plan.rounds)
            rows.append({"side": side, "mpx": side**2 / 1e6} | plan.turns(runs, rounds))
        tools = [tool for tool in tools if goes_on(rows[-1], tool.name, plan.patience_s)]
    return {"sizes": rows}


def goes_on(row: Mapping[str, Any], name: str, patience_s: float) -> bool:
    """Whether a tool is asked for a larger field after those of a row."""
    runs = row["runs"][name]
    return name not in row["errors"] and max(run["wall_s"] for run in runs) <= patience_s


def shapes(plan: Plan) -> dict[str, Any]:
    """Fields of many shapes against as many of one, all of the same number of pixels."""
    many, one = plan.folder / "many", plan.folder / "one"
    fields.write_shapes(many, one, plan.shapes)
    runs: dict[str, Callable[[], dict]] = {}
    for tool in plan.tools:
        for name, folder in (("one shape", one), ("many shapes", many)):
            runs[f"{tool.name}: {name}"] = partial(tool.run, folder, plan.limit_s)
    mpx = plan.shapes * fields.PIXELS / 1e6
    return {"images": plan.shapes, "mpx": mpx} | plan.turns(runs)


def limit(plan: Plan) -> dict[str, Any]:
    """Multiply-adds of the networks, and the machine's rate of matrix products."""
    macs, errors = {}, {}
    for tool in plan.tools:
        try:
            found = tool.run_staged(plan.single, plan.limit_s, "--macs")
            macs[tool.name] = found["macs_per_mpx"]
        except (ProcessError, KeyError) as error:
            errors[tool.name] = str(error)
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        env = next(tool.env for tool in plan.tools if tool.name == OURS)
        measure([sys.executable, "-m", "speed.limit", file.name], env, plan.limit_s)
        rates = json.loads(Path(file.name).read_text())
    return {"macs_per_mpx": macs, "rates": rates, "errors": errors}


PARTS: dict[str, Callable[[Plan], dict[str, Any]]] = {
    "whole": whole,
    "stages": stages,
    "startup": startup,
    "size": size,
    "shapes": shapes,
    "limit": limit,
}
