"""Times scoring: `python scripts/bench_scoring.py`.

Seconds and peak memory, beyond that of the two label images, of the overlap table, of matching at
all thresholds, of the boundary distances and of the whole score, for drawn fields of 10,000 and
100,000 nuclei. The larger one has ten times the area and nuclei: linear code takes ten times as
long. Linux only (/proc), one run.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nucseg_tf.evaluation.boundary import boundary_distances
from nucseg_tf.evaluation.matching import match, overlap_table
from nucseg_tf.evaluation.scores import THRESHOLDS
from nucseg_tf.evaluation.summary import ratios, score_labels

FIELDS = ((10_000, 6_325), (100_000, 20_000))  # nuclei, side in px
RADII = (14, 25)  # px


def draw(count: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Discs in a regular grid; predicted a little displaced, larger or smaller, 3 % left out."""
    rng = np.random.default_rng(0)
    across = int(np.ceil(np.sqrt(count)))
    places = ((np.arange(across) + 0.5) * side / across).astype(int)
    truth, prediction = (np.zeros((side, side), np.int32) for _ in range(2))
    for label in range(1, count + 1):
        y, x = places[(label - 1) // across], places[(label - 1) % across]
        radius = int(rng.integers(*RADII))
        stamp(truth, y, x, radius, label)
        if rng.random() > 0.03:
            dy, dx, change = rng.integers(-2, 3, 3)
            stamp(prediction, y + dy, x + dx, radius + change, label)
    return truth, prediction


def stamp(labels: np.ndarray, y: int, x: int, radius: int, label: int) -> None:
    """Draw one disc."""
    rows, columns = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    window = labels[y - radius : y + radius + 1, x - radius : x + radius + 1]
    window[rows**2 + columns**2 <= radius**2] = label


def measure(name: str, function: Callable[[], Any]) -> Any:
    """Run a function and print what it took."""
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    before, began = memory("VmRSS"), time.perf_counter()
    result = function()
    seconds = time.perf_counter() - began
    print(f"  {name:20} {seconds:8.2f} s {memory('VmHWM') - before:8.0f} MB", flush=True)
    return result


def memory(field: str) -> float:
    """MB of 2^20 bytes that this process takes (VmRSS) or took at most (VmHWM)."""
    found = re.search(rf"{field}:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else float("nan")


def bench(count: int, side: int) -> None:
    """Print a block for one field."""
    truth, prediction = draw(count, side)
    megabytes = (truth.nbytes + prediction.nbytes) / 2**20
    print(f"{count} nuclei, {side} x {side} px, label images of {megabytes:.0f} MB")
    table = measure("overlap table", lambda: overlap_table(truth, prediction))
    measure("matching, 10 times", lambda: [match(table, t) for t in THRESHOLDS])
    rows = match(table, 0.5)
    pairs = np.stack([table.truth_labels[rows[:, 0]], table.pred_labels[rows[:, 1]]], axis=1)
    measure("boundary distances", lambda: boundary_distances(truth, prediction, pairs))
    score = ratios(measure("whole score", lambda: score_labels(truth, prediction)))
    f1, distance = float(score["f1_0.70"]), float(score["boundary_distance"])
    print(f"  F1 at 0.7 {f1:.4f}, boundary distance {distance:.3f} px")


def main() -> None:
    """Print a block for each field."""
    for count, side in FIELDS:
        bench(count, side)


if __name__ == "__main__":
    main()
