"""Faults of the machine, other than kills, made for real, and what the commands make of them.

    python scripts/reliability/faults.py            all, and the tables of the page
    python scripts/reliability/faults.py --only NAME...   some, without the tables
    python scripts/reliability/faults.py memory     the largest images in 2, 3 and 4 GiB

Full disks are small tmpfs, so those cases need root; limits of memory are `ulimit -v`. Everything
lies below --work. What has been done is kept in WORK/results.json, and a run goes on with it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tifffile

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

from fault_cases import CASES, Room, drawn  # noqa: E402

PAGE = Path(__file__).parents[2] / "docs" / "reliability" / "faults.md"
LIMITS = (2, 3, 4)  # GiB
SIDES = (2000, 4000, 6000, 8000, 10000, 12000)  # px
LONGEST = 480  # s, of one prediction


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cases that are asked for; 1 where one is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", default="cases", choices=("cases", "memory", "page"))
    parser.add_argument("--only", nargs="+", default=[], help="names of cases")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "nucseg-faults")
    asked = parser.parse_args(arguments)
    asked.work.mkdir(parents=True, exist_ok=True)
    results = _read(asked.work)
    if asked.what == "cases":
        run_cases(asked.work, results, asked.only)
    elif asked.what == "memory":
        measure_memory(asked.work, results)
    if not asked.only:
        write_page(results)
    return int(any(found["came"] != "as it should" for found in results["cases"].values()))


def _read(work: Path) -> dict:
    file = work / "results.json"
    return json.loads(file.read_text()) if file.exists() else {"cases": {}, "memory": {}}


def _keep(work: Path, results: dict) -> None:
    (work / "results.json").write_text(json.dumps(results, indent=1))


def run_cases(work: Path, results: dict, only: Sequence[str]) -> None:
    """Run cases, each in a folder of its own, and keep what came."""
    for name, case in CASES.items():
        if (only and name not in only) or (not only and name in results["cases"]):
            continue
        folder = work / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            case.run(Room(folder))
            came = "as it should"
        except Exception as error:
            traceback.print_exc()
            came = f"**{type(error).__name__}: {str(error)[:200]}**"
        results["cases"][name] = {"came": came}
        _keep(work, results)
        shutil.rmtree(folder, ignore_errors=True)
        print(f"{name}: {came}", flush=True)


def measure_memory(work: Path, results: dict) -> None:
    """Find for each limit the largest of SIDES that is segmented, with the default options."""
    for limit in LIMITS:
        for side in SIDES:
            key = f"{limit} {side}"
            if key not in results["memory"]:
                results["memory"][key] = _predict_large(work, limit, side)
                _keep(work, results)
                print(key, results["memory"][key], flush=True)
            if results["memory"][key]["code"] != 0:
                break


def _predict_large(work: Path, limit: int, side: int) -> dict:
    """Predict a square field within a limit of addresses, GiB."""
    folder = work / "large"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    tile = drawn(2000)
    count = -(-side // 2000)
    tifffile.imwrite(folder / "a.tif", np.tile(tile, (count, count))[:side, :side])
    command = [sys.executable, "-m", "nucseg_tf", "predict", "a.tif", "--out", "out"]
    size = limit * 2**30

    def restrict() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (size, size))

    try:
        done = subprocess.run(
            [*command, "--diameter", "native"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            preexec_fn=restrict,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        )
    except subprocess.TimeoutExpired:
        return {"code": -1, "said": f"longer than {LONGEST} s"}
    finally:
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    said = [line for line in done.stderr.splitlines() if "memory" in line]
    return {"code": done.returncode, "said": " ".join(said)[:400], "resident": round(peak, 2)}


def write_page(results: dict) -> None:
    """Write both tables of the page."""
    lines = ["| Fault | Right | Came |", "|---|---|---|"]
    for name, case in CASES.items():
        came = results["cases"].get(name, {"came": "not run"})["came"]
        lines.append(f"| {case.what} | {case.right} | {came} |")
    rows = ["| Memory (`ulimit -v`) | Largest field | What was said |", "|---|---|---|"]
    for limit in LIMITS:
        done = [
            (side, found)
            for side in SIDES
            if (found := results["memory"].get(f"{limit} {side}")) and found["code"] == 0
        ]
        if done:
            side, found = done[-1]
            last = "; the largest tried" if side == SIDES[-1] else ""
            told = re.sub(r"\S*a\.tif: ", "", found["said"]).replace("warning: ", "") or "nothing"
            rows.append(f"| {limit} GiB | {side**2 / 1e6:.0f} Mpx{last} | {told} |")
    text = PAGE.read_text(encoding="utf-8")
    for name, table in (("faults", lines), ("memory", rows)):
        begin, end = (
            f"<!-- {name}: written by scripts/reliability/faults.py -->",
            f"<!-- end of {name} -->",
        )
        ahead, _, rest = text.partition(begin)
        text = f"{ahead}{begin}\n\n" + "\n".join(table) + f"\n\n{end}{rest.partition(end)[2]}"
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
