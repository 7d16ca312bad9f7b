"""What is kept of a run: the growth of each number, and its course in few points."""

from __future__ import annotations

from typing import Any

import numpy as np

from loads.trend import binned, find_trend

POINTS = 60  # of a course
GROWING = ("rss", "pss", "files", "threads", "temporary", "shared", "cache")


def summarise(found: dict[str, Any]) -> dict[str, Any]:
    """A run as it is kept.

    Args:
        found: with `samples`, of `watch.Sample`; without progress, seconds take its place.

    Returns:
        The same without `samples`, and `trends`: slope per 1,000, low, high and level of each
        number; `course`: its values at a few points; `peak`: the most memory, MB; `pace`: seconds
        per image in the first and the last tenth of those that trends are of.
    """
    samples = found.pop("samples")
    work = [one for one in samples if one["done"]]
    if len({one["done"] for one in work}) < 10:
        return found | {"peak": max(one["rss"] for one in samples), "trends": {}, "course": {}}
    done = [one["done"] for one in work]
    last = done.index(max(done)) + 1  # what comes after the last image is no growth along them
    work, done = work[:last], done[:last]
    trends, course = {}, {}
    for name in GROWING:
        values = [one[name] for one in work]
        trend = find_trend(done, values)
        trends[name] = [
            float(f"{v:.4g}") for v in (trend.slope, trend.low, trend.high, trend.level)
        ]
        course[name] = np.round(binned(done, values, POINTS, 0)[1], 2).tolist()
    course["done"] = binned(done, done, POINTS, 0)[0].tolist()
    return found | {
        "peak": max(one["rss"] for one in samples),
        "trends": trends,
        "pace": _pace(done, [one["seconds"] for one in work]),
        "course": course,
    }


def _pace(done: list[int], seconds: list[float]) -> list[float]:
    """Seconds per image from a fifth to two fifths of the way, and in the last fifth."""
    total = done[-1]
    times = np.interp([0.2 * total, 0.4 * total, 0.8 * total, total], done, seconds)
    share = 0.2 * total
    return [
        round(float(part), 5)
        for part in ((times[1] - times[0]) / share, (times[3] - times[2]) / share)
    ]
