"""Speed and memory of nucseg_tf beside other tools: `python scripts/bench.py [--parts whole,size]`.

    python scripts/bench.py --fields ../shared/data/dsb2018/val/images --stardist-python PYTHON \\
      --stardist-model FOLDER --out bench.json --markdown docs/speed.md --figure docs/speed.png

Another tool is measured if the interpreter of an environment is given that has it; `docs/speed.md`
says how to make one. Tools take turns, every measurement is a process of its own, and the file of
results says what machine it was and how busy with other things. `--from bench.json` makes tables
and figure of earlier results.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from speed import machine, page, parts, tools
from speed.fields import write_usual
from speed.process import ProcessError

RIVALS = {
    "stardist": ("stardist", "tensorflow", "tensorflow-cpu", "keras", "numpy"),
    "cellpose": ("cellpose", "torch", "numpy"),
    "instanseg": ("instanseg-torch", "torch", "numpy"),
}


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--model", default="fpn2ws-nuclei", help="of nucseg_tf")
    for name in RIVALS:
        add(f"--{name}-python", metavar="PYTHON", help=f"interpreter that has {name}")
        add(f"--{name}-model", metavar="PATH", help="its weights; see scripts/speed/rivals/")
    add("--parts", default=",".join(parts.PARTS), help=f"of {','.join(parts.PARTS)}")
    add("--fields", type=Path, metavar="DIR", help="images of 520x696 px; simulated without")
    add("--images", type=int, default=24, help="fields in a folder")
    add("--shapes", type=int, default=12, help="shapes in a folder")
    add("--rounds", type=int, default=5, help="repetitions")
    add("--largest", type=float, default=16, help="Mpx of the largest field, up to 400")
    add("--limit", type=float, default=3600, help="seconds that a process may take")
    add("--patience", type=float, default=600, help="seconds, after which no larger field")
    add("--out", type=Path, default=Path("bench.json"), help="results")
    add("--resume", action="store_true", help="add to --out, keeping parts that are not asked for")
    add("--from", type=Path, dest="earlier", help="show these results; measure nothing")
    add("--markdown", type=Path, help="page whose tables are replaced, or a new file")
    add("--figure", type=Path, help="PNG")
    return parser


def chosen_tools(arguments: argparse.Namespace) -> tuple[list[tools.Tool], dict[str, Any]]:
    """The tools to measure, and what the results say of each."""
    found = [tools.ours(arguments.model)]
    about: dict[str, Any] = {tools.OURS: {"model": arguments.model}}
    for name, packages in RIVALS.items():
        python = getattr(arguments, f"{name}_python")
        model = getattr(arguments, f"{name}_model")
        if python is None:
            about[name] = {"left_out": f"no --{name}-python"}
            continue
        about[name] = {
            "versions": tools.packages(python, packages),
            "weights": "random" if model is None else Path(model).name,
        }
        found.append(tools.rival(name, python, model))
    return found, about


def warm_up(plan: parts.Plan) -> None:
    """Predict one image with each tool, so that what is kept between runs is there.

    Raises:
        SystemExit: one cannot.
    """
    for tool in plan.tools:
        plan.say(f"{tool.name}: first run")
        try:
            tool.run(plan.single, plan.limit_s)
        except ProcessError as error:
            raise SystemExit(f"{tool.name} does not run: {error}") from error


def earlier_parts(file: Path, result: dict[str, Any]) -> dict[str, Any]:
    """What was measured before.

    Raises:
        SystemExit: it was on another machine, or with other tools.
    """
    earlier = json.loads(file.read_text())
    for place in (("tools",), ("machine", "cpu"), ("machine", "cores"), ("machine", "versions")):
        before, now = earlier, result
        for key in place:
            before, now = before[key], now[key]
        if before != now:
            raise SystemExit(f"--resume: {file} has other {' '.join(place)}: {before}, now {now}")
    return earlier["parts"]


def measure_all(arguments: argparse.Namespace, names: list[str]) -> dict[str, Any]:
    """Measure the parts, and save after each."""
    found, about = chosen_tools(arguments)
    result: dict[str, Any] = {
        "machine": machine.describe(),
        "began": time.strftime("%Y-%m-%d %H:%M"),
        "tools": about,
        "parts": {},
    }
    if arguments.resume and arguments.out.exists():
        result["parts"] = earlier_parts(arguments.out, result)
    with tempfile.TemporaryDirectory(prefix="nucseg-bench-") as folder:
        plan = parts.Plan(
            found,
            arguments.rounds,
            arguments.images,
            arguments.fields,
            arguments.largest,
            arguments.shapes,
            arguments.limit,
            arguments.patience,
            Path(folder),
            lambda line: print(line, file=sys.stderr, flush=True),
        )
        result["fields"] = write_usual(plan.folder / "usual", plan.images, plan.fields)
        warm_up(plan)
        for name in names:
            plan.say(name)
            part = machine.watched(partial(parts.PARTS[name], plan))
            result["parts"][name] = part | {"rounds": plan.rounds}
            arguments.out.parent.mkdir(parents=True, exist_ok=True)
            arguments.out.write_text(json.dumps(result, indent=1) + "\n")
    return result


def main() -> None:
    """Measure or read results; print the tables, and write what is asked for."""
    parser = options()
    arguments = parser.parse_args()
    names = arguments.parts.split(",")
    unknown = [name for name in names if name not in parts.PARTS]
    if unknown:
        parser.error(f"--parts: expected some of {','.join(parts.PARTS)}. Received: {unknown[0]}")
    if min(arguments.rounds, arguments.images, arguments.shapes) < 1:
        parser.error("--rounds, --images and --shapes: expected 1 or more")
    if arguments.earlier:
        result = json.loads(arguments.earlier.read_text())
    else:
        result = measure_all(arguments, names)
    text = page.render(result)
    print(text)
    if arguments.markdown:
        page.put(arguments.markdown, text)
    if arguments.figure:
        from speed.figure import draw

        draw(result, arguments.figure)


if __name__ == "__main__":
    main()
