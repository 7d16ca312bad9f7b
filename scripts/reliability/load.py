"""What grows along thousands of images: `python scripts/reliability/load.py CASE --count N`.

    python scripts/reliability/load.py predict --count 10000 --work /tmp/load --out results/
    python scripts/reliability/load.py --page docs/reliability/load.md

A case is a command of nucseg over many small images, or the page of `nucseg annotate` with a large
project. Memory, files and threads of all its processes are looked at twice a second, and a robust
line is laid through the last four fifths of the images. What came of it is one small JSON file a
case in `docs/reliability/load/`, of which `--page` makes tables and figures.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from loads import annotate, page, runs
from loads.results import summarise
from loads.runs import Place

RESULTS = Path(__file__).parents[2] / "docs" / "reliability" / "load"


def main() -> None:
    """Measure a case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("case", nargs="?", choices=[*runs.PLANS, *annotate.WORKS])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--work", type=Path, default=Path("runs/load"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--page", type=Path, help="measure nothing; write the tables into it")
    options = parser.parse_args()
    if options.page:
        page.put(options.page, options.out)
        return
    if options.case is None:
        parser.error("expected a case, or --page")
    work = options.work.resolve()
    place = Place(work / f"{options.case}-{options.count}", options.count)
    watched = annotate.watched if options.case in annotate.WORKS else runs.watched
    found = summarise(watched(options.case, place))
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / f"{options.case}-{options.count}.json").write_text(json.dumps(found) + "\n")
    print(json.dumps({key: value for key, value in found.items() if key != "course"}, indent=1))


if __name__ == "__main__":
    main()
