"""Tables and figure of `docs/reliability/load.md`, from the results beside it."""

from __future__ import annotations

import itertools
import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- load: written by scripts/reliability/load.py -->", "<!-- end of load -->"
FIGURE = "load_memory.png"
COUNTED = ("files", "threads", "temporary", "shared")
NOT_SEEN = "-"  # where a run does not tell how far it is, or was too short


def read(folder: Path) -> list[dict[str, Any]]:
    """All results, by name of the case."""
    found = [
        json.loads(file.read_text()) | {"case": file.stem} for file in sorted(folder.glob("*.json"))
    ]
    return sorted(found, key=lambda one: (one["case"].partition("-")[0], one["count"]))


def put(page: Path, folder: Path) -> None:
    """Write the tables between their marks, and the figure beside the page.

    Raises:
        SystemExit: the page lacks the marks.
    """
    results = read(folder)
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{page}: expected the lines {BEGIN} and {END}")
    text = "\n\n".join((growth(results), counts(results), requests(results)))
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")
    draw(results, page.with_name(FIGURE))


def table(head: Sequence[str], lines: Sequence[Sequence[Any]]) -> str:
    """A table in Markdown."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows)


def growth(results: Sequence[Mapping[str, Any]]) -> str:
    """Memory along the images, and the time that one takes."""
    head = ("Case", "Command", "Most, MB", "MB per 1,000 (95 %)", "in the last third", "ms each")
    lines = []
    for one in results:
        most, slope, last, pace = one["peak"], NOT_SEEN, NOT_SEEN, NOT_SEEN
        if one["trends"]:
            most = max(one["course"]["rss"])
            mean, low, high, _ = one["trends"]["rss"]
            slope, last = f"{mean:.2f} ({low:.2f} to {high:.2f})", f"{late(one['course']):.2f}"
            pace = ", ".join(f"{1e3 * part:.0f}" for part in one["pace"])
        lines.append((one["case"], f"`{one['command']}`", f"{most:.0f}", slope, last, pace))
    return table(head, lines)


def late(course: Mapping[str, Sequence[float]]) -> float:
    """Growth of memory in the last third, MB per 1,000: the median of the slopes of all pairs."""
    first = 2 * len(course["done"]) // 3
    points = list(zip(course["done"][first:], course["rss"][first:], strict=True))
    slopes = [(b - a) / (y - x) for (x, a), (y, b) in itertools.combinations(points, 2) if y > x]
    return 1e3 * statistics.median(slopes)


def counts(results: Sequence[Mapping[str, Any]]) -> str:
    """What is counted, in the middle of a run, with its growth."""
    head = ("Case", "Open files", "Threads", "Temporary files", "In /dev/shm", "Left at the end")
    lines = []
    for one in results:
        cells = [NOT_SEEN] * len(COUNTED)
        if one["trends"]:
            cells = [_count(one["trends"][name]) for name in COUNTED]
        lines.append((one["case"], *cells, ", ".join(one["left"]) or "none"))
    return table(head, lines)


def _count(trend: Sequence[float]) -> str:
    slope, _, _, level = trend
    return f"{level:.0f}" + (f", {slope:+.1f} per 1,000" if slope else "")


def requests(results: Sequence[Mapping[str, Any]]) -> str:
    """Times of the page's requests."""
    head = ("Case", "Request", "Number", "Median, ms", "95 %, ms", "First fifth", "Last fifth")
    lines, said = [], []
    for one in results:
        for kind, times in one.get("requests", {}).items():
            values = (times[name] for name in ("count", "median", "p95", "first", "last"))
            lines.append((one["case"], kind, *values))
        if "requests" in one:
            said.append(
                f"{one['case']}: the address after {one['start']} s; {one['edits']} edits "
                f"answered, {len(one['lost'])} of them missing in the journals; "
                f"{len(one['errors'])} errors."
            )
    return table(head, lines) + "\n\n" + "\n".join(f"- {line}" for line in said)


def draw(results: Sequence[Mapping[str, Any]], file: Path) -> None:
    """Memory along the images of each case."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    shown = [one for one in results if one["trends"]]
    columns = 3
    rows = -(-len(shown) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(10, 2.6 * rows), squeeze=False)
    for place in axes.flat[len(shown) :]:
        place.set_visible(False)
    for place, one in zip(axes.flat, shown, strict=False):
        course = one["course"]
        place.plot(course["done"], course["rss"], color="tab:blue")
        place.axvspan(0, 0.2 * max(course["done"]), color="0.92")
        place.set_ylim(0, 1.15 * max(course["rss"]))
        place.set_title(f"{one['case']}: {one['trends']['rss'][0]:+.2f} MB per 1,000", fontsize=9)
        place.set_xlabel("done", fontsize=8)
        place.set_ylabel("RSS, MB", fontsize=8)
        place.tick_params(labelsize=7)
    figure.tight_layout()
    figure.savefig(file, dpi=110)
    plt.close(figure)
