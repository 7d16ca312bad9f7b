"""Fuzzes the parsers, and writes down what came of it: `make fuzz FUZZ_SECONDS=600`.

Each target (tests/reference/fuzzing) is fuzzed by coverage in processes of its own, with a limit
for memory and one for the time of an input; see fuzz_worker.py. What the corpora have learned stays
in the folder for the next time. A finding is an input, made small, in
tests/reference/fuzzing/found/TARGET, where the tests try it from then on; so it can be mended, and
kept.

    fuzz.py --seconds 600 [--targets roi tiff ...] [--record]
    fuzz.py --page

`--record` adds executions, time and findings to docs/reliability/fuzzing.json, and `--page` writes
the table of docs/reliability/fuzzing.md from it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from reference.fuzzing.table import MODULES, targets_of  # noqa: E402

WORKER = Path(__file__).with_name("fuzz_worker.py")
FOUND = ROOT / "tests" / "reference" / "fuzzing" / "found"
RESULTS = ROOT / "docs" / "reliability" / "fuzzing.json"
PAGE = RESULTS.with_suffix(".md")
BEGIN = "<!-- table: written by scripts/reliability/fuzz.py --page -->"
END = "<!-- end of table -->"
AGAIN = 4  # ends of a worker by the same kind of input, after which a target is left for this time
LARGEST = 8192  # bytes of a finding that is kept among the tests
ENDS = {"crash": "the process ended", "timeout": "took too long", "oom": "out of memory"}


@dataclass
class Outcome:
    """What fuzzing of a target came to.

    Attributes:
        executions: inputs tried.
        seconds: of these.
        signs: of findings.
    """

    executions: int
    seconds: float
    signs: list[str]


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=300, help="in all")
    parser.add_argument("--targets", nargs="*", help="all without")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "fuzz", help="corpora and logs")
    parser.add_argument("--record", action="store_true", help=f"add to {RESULTS.name}")
    parser.add_argument("--page", action="store_true", help="write the page alone")
    asked = parser.parse_args()
    if asked.page:
        write_page()
        return
    homes = {name: module for module in MODULES for name in targets_of(module)}
    names = asked.targets or list(homes)
    unknown = sorted({*names} - {*homes})
    if unknown:
        parser.error(f"unknown targets {', '.join(unknown)}; expected of {', '.join(homes)}")
    found = 0
    for name in names:
        outcome = fuzz(homes[name], name, asked.seconds / len(names), asked.out / name)
        found += len(outcome.signs)
        print(f"{name}: {outcome.executions:,} in {outcome.seconds:.0f} s", flush=True)
        for sign in outcome.signs:
            print(f"    {sign}", flush=True)
        if asked.record:
            record(name, outcome)
    sys.exit(1 if found else 0)


def fuzz(module: str, name: str, seconds: float, folder: Path) -> Outcome:
    """Fuzz a target for some seconds, in as many processes as it takes.

    Args:
        module: that has it.
        name: of the target.
        seconds: of fuzzing; starts of processes come on top.
        folder: for its corpus, artifacts and log.
    """
    artifacts = folder / "artifacts"
    artifacts.mkdir(parents=True, exist_ok=True)
    outcome, ends = Outcome(0, 0.0, []), 0
    while outcome.seconds < seconds and ends < AGAIN:
        for old in artifacts.iterdir():
            old.unlink()
        left = seconds - outcome.seconds
        command = [sys.executable, str(WORKER), module, name, str(folder), f"{left:.0f}"]
        with (folder / "log").open("ab") as log:
            code = subprocess.run(command, stdout=log, stderr=log).returncode
        told = json.loads((folder / "told.json").read_text(encoding="utf-8"))
        outcome.executions += told["executions"]
        outcome.seconds += told["seconds"]
        outcome.signs += [keep(name, Path(file), sign) for file, sign in told["findings"]]
        if code == 0:
            break
        ends += 1
        outcome.signs += [
            keep(name, file, " ".join([ENDS[kind], *_place(module, name, file)]))
            for kind in ENDS
            for file in artifacts.glob(f"{kind}-*")
        ]
        if not any(artifacts.iterdir()):
            raise SystemExit(f"{name}: the worker ended with code {code}, see {folder / 'log'}")
    outcome.signs = list(dict.fromkeys(outcome.signs))
    return outcome


def _place(module: str, name: str, file: Path) -> list[str]:
    """Where the process ended, as it is told when the input is tried alone; nothing if it isn't."""
    command = [sys.executable, "-X", "faulthandler", str(WORKER), module, name, str(file)]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=60).stderr
    except subprocess.TimeoutExpired:
        return []
    frames = [line.split('"')[1::2] + line.split(" in ")[1:] for line in told.splitlines()
              if 'File "' in line and "nucseg_tf/" in line]  # fmt: skip
    return [f"{Path(file).stem}.{function}" for file, function in frames[:1]]


def keep(name: str, file: Path, sign: str) -> str:
    """Keep the input of a finding among the tests; gives its sign."""
    content = file.read_bytes()
    if len(content) <= LARGEST:
        target = FOUND / name / hashlib.sha256(content).hexdigest()[:12]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return sign


# --- the page --------------------------------------------------------------------------------


def record(name: str, outcome: Outcome) -> None:
    """Add an outcome to the results."""
    results = read_results()
    known = results.setdefault(name, {"executions": 0, "seconds": 0, "findings": []})
    known["executions"] += outcome.executions
    known["seconds"] = round(known["seconds"] + outcome.seconds, 1)
    known["findings"] = list(dict.fromkeys([*known["findings"], *outcome.signs]))
    known["last"] = time.strftime("%Y-%m-%d", time.gmtime())
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def read_results() -> dict[str, Any]:
    """The results so far, by target."""
    return json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}


def table(results: dict[str, Any]) -> str:
    """The results as Markdown."""
    lines = [
        "| Target | Input | Executions | Minutes | Found and mended |",
        "|---|---|--:|--:|--:|",
    ]
    total = [0, 0.0, 0]
    for module in MODULES:
        for name, target in targets_of(module).items():
            if name not in results:
                continue
            numbers = results[name]
            row = numbers["executions"], numbers["seconds"] / 60, len(numbers["findings"])
            total = [a + b for a, b in zip(total, row, strict=True)]
            file = target.file if target.file != "text" else "text"
            lines.append(f"| {name} | `{file}` | {row[0]:,} | {row[1]:.1f} | {row[2] or ''} |")
    lines.append(f"| all | | {total[0]:,} | {total[1]:.0f} | {total[2]} |")
    return "\n".join(lines)


def write_page() -> None:
    """Put the table between its marks."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    content = f"{before}{BEGIN}\n\n{table(read_results())}\n\n{END}{after}"
    PAGE.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
