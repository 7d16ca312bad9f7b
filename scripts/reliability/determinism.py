"""Does the same come out again? `determinism.py --data DIR` varies what should change nothing.

Trainings (twice, resumed, with other threads, from another folder), ROI stores, simulations, and
predictions (tiles, threads, workers, shards, order, engines, formats) are compared with each other;
docs/reliability/determinism.md gets the tables. Whatever is done is kept in --work, and the same
command goes on; remove that folder to begin anew.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from pathlib import Path

from same import prediction, training
from same.rows import Row, known, with_tables

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reliability" / "determinism.md"
PARTS = ("training", *prediction.MODELS)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "dsb2018")
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "determinism")
    parser.add_argument("--only", choices=PARTS, action="append", help="may be repeated")
    parser.add_argument("--seconds", type=float, help="begin nothing more after so many")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    rows = options.work / "rows"
    rows.mkdir(parents=True, exist_ok=True)
    prediction.prepare(options.data, options.work)
    began, waiting = time.monotonic(), 0
    tables: dict[str, list[Row]] = {}
    for part in options.only or PARTS:
        found = (
            training.checks(options.data, options.work)
            if part == "training"
            else prediction.checks(options.work, part)
        )
        tables[part] = []
        for name, check in found:
            late = options.seconds is not None and time.monotonic() - began > options.seconds
            if late and not (rows / f"{name}.json").is_file():
                waiting += 1
            else:
                tables[part].append(known(rows, name, check))
    write_page({part: found for part, found in tables.items() if found})
    if waiting:
        raise SystemExit(f"{waiting} rows are to come; the same command goes on")


def write_page(tables: Mapping[str, list[Row]]) -> None:
    """Put the rows known so far into the page."""
    page = with_tables(PAGE.read_text(encoding="utf-8"), tables)
    temporary = PAGE.with_suffix(".new")
    temporary.write_text(page, encoding="utf-8")
    temporary.replace(PAGE)
    print(PAGE)


if __name__ == "__main__":
    main()
