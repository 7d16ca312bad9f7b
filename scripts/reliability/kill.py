"""Kills what writes files, with SIGKILL, and looks at what is left: `kill.py STAGE ...`.

Each stage does real work in small, is killed at a moment that chance has chosen, begins again, and
is killed again until it is done; what there is in the end must equal what undisturbed work gives,
byte for byte. Half of the moments lie anywhere in the life of the process, half before one of its
writes (a file opened, renamed, removed ...), where most can go wrong. After each kill, every file
that is not hidden must be whole.

    python scripts/reliability/kill.py train --kills 100
    python scripts/reliability/kill.py --table

What was found is added to runs/kills.json, so that kills may be done in pieces (--seconds);
--table writes it into docs/reliability/kills.md. Exit code 1 where there is a difference.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[1:1] = [str(ROOT), str(ROOT / "tests")]

from kills import commands, drawn, forked, loop, rounds  # noqa: E402 - needs the path
from kills.table import write_table  # noqa: E402 - needs the path

from nucseg_tf.io.files import atomic_path  # noqa: E402 - needs the path

STAGES = (*commands.STAGES, *loop.STAGES)


def do_stage(name: str, work: Path, kills: int, seed: int, seconds: float) -> dict[str, Any]:
    """Kill a stage so often, or so long."""
    rng, until = random.Random(seed), time.monotonic() + seconds
    place = work / "site"
    place.mkdir()
    (place / "sitecustomize.py").write_text(drawn.TINY)  # for processes that are begun anew
    paths = [str(place), str(ROOT), str(ROOT / "tests")]
    os.environ |= {"PYTHONPATH": os.pathsep.join(paths), "CUDA_VISIBLE_DEVICES": ""}
    if name in loop.STAGES:
        return loop.kill_loop(name, work, kills, rng, until)
    forked.load()
    drawn.use_tiny()
    return rounds.kill_commands(commands.STAGES[name], work, kills, rng, until)


def add(results: Path, name: str, found: dict[str, Any], seed: int) -> None:
    """Add what was found to the results."""
    known = json.loads(results.read_text()) if results.exists() else {}
    found = {**found, "seeds": [seed]}
    known[name] = merged(known[name], found) if name in known else found
    results.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(results) as temporary:
        temporary.write_text(json.dumps(known, indent=1) + "\n")


def merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """The sums, or both, of two results.

    >>> merged({"kills": 1, "moments": {"a": 1}}, {"kills": 2, "moments": {"a": 1, "b": 1}})
    {'kills': 3, 'moments': {'a': 2, 'b': 1}}
    """
    both: dict[str, Any] = {}
    for key in dict.fromkeys([*one, *other]):
        if key not in one or key not in other:
            both[key] = one.get(key, other.get(key))
        elif isinstance(one[key], dict):
            both[key] = merged(one[key], other[key])
        else:
            both[key] = other[key] if isinstance(one[key], str) else one[key] + other[key]
    return both


def main() -> None:
    """Kill, compare, write down."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=", ".join(STAGES))
    parser.add_argument("--kills", type=int, default=20, help="of a stage, in all")
    parser.add_argument("--seed", type=int, default=1, help="of the moments, plus kills that were")
    parser.add_argument("--seconds", type=float, default=1e9, help="after which to stop a stage")
    parser.add_argument("--results", type=Path, default=ROOT / "runs" / "kills.json")
    parser.add_argument("--keep", type=Path, help="folder to work in, which stays")
    parser.add_argument("--table", action="store_true", help="write the table of all results")
    arguments = parser.parse_args()
    if arguments.table:
        write_table(json.loads(arguments.results.read_text()))
        return
    if not arguments.stages or set(arguments.stages) - set(STAGES):
        parser.error(f"which stage? {', '.join(STAGES)}")
    different = [name for name in arguments.stages if kill(name, arguments)]
    sys.exit(bool(different))


def kill(name: str, arguments: argparse.Namespace) -> bool:
    """Do what lacks of a stage, and add it to the results; whether there was a difference."""
    known = json.loads(arguments.results.read_text()) if arguments.results.exists() else {}
    had = known.get(name, {}).get("kills", 0)
    if had >= arguments.kills:
        return False
    seed = arguments.seed + had
    with tempfile.TemporaryDirectory() as temporary:
        work = arguments.keep / name if arguments.keep else Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        found = do_stage(name, work, arguments.kills - had, seed, arguments.seconds)
    add(arguments.results, name, found, seed)
    print(json.dumps({name: found}, indent=1), flush=True)
    return bool(found["differences"])


if __name__ == "__main__":
    main()
