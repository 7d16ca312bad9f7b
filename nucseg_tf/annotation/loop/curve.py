"""The learning curve of a project: how much fields helped, and whether more would.

Letters: F fields left out, B bootstrap samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nucseg_tf.annotation.loop.judge import Score
from nucseg_tf.annotation.loop.parts import TRAIN
from nucseg_tf.annotation.loop.versions import SHIPPED, Version
from nucseg_tf.evaluation.statistics import FEWEST_IMAGES, percentile_interval, resample_sums

WORTH = 0.005  # of F1; less is not worth the work on a field


def learning_curve(
    earlier: Sequence[Version], new: Version, scores: Mapping[str, Score]
) -> dict[str, Any]:
    """Points of the curve, and what they say in words.

    Args:
        earlier: versions before.
        new: the version that has just been trained.
        scores: of the models on the fields that are left out now, by name.

    Returns:
        `points`, by number of fields: name, fields, nuclei, f1; and `text`.
    """
    points: list[dict[str, Any]] = [{"name": SHIPPED, "fields": 0, "nuclei": 0}]
    for version in (*earlier, new):
        trained = version.part(TRAIN)
        nuclei = sum(use.nuclei for use in trained)
        points.append({"name": version.name, "fields": len(trained), "nuclei": nuclei})
    shown = [p | {"f1": scores[p["name"]]["f1"]} for p in points if p["name"] in scores]
    shown.sort(key=lambda point: (point["fields"], point["nuclei"]))
    return {"points": shown, "text": say(shown, scores)}


def say(points: Sequence[Mapping[str, Any]], scores: Mapping[str, Score]) -> str:
    """How much the last fields helped, against chance, and whether more would help.

    Args:
        points: of the curve, at least one.
        scores: by name.
    """
    last = points[-1]
    before = next((p for p in reversed(points[:-1]) if p["fields"] < last["fields"]), None)
    if before is None:
        return "One more corrected field shows whether more of them help."
    gain = last["f1"] - before["f1"]
    chance = uncertainty(scores[before["name"]]["fields"], scores[last["name"]]["fields"])
    count = last["fields"] - before["fields"]
    what = "The last field" if count == 1 else f"The last {count} fields"
    change = f"{what} changed F1 by {gain:+.3f}, from {before['f1']:.3f} to {last['f1']:.3f}"
    by_chance = f"on that many nuclei chance alone makes up to {chance:.3f}"
    if gain > max(chance, WORTH):
        return f"{change}; {by_chance}. More fields will probably help."
    if chance > 4 * WORTH:
        return f"{change}, but {by_chance}: more corrected fields are needed to tell."
    return f"{change}, and {by_chance}: more fields of this kind will hardly help."


def uncertainty(before: Sequence[Sequence[int]], after: Sequence[Sequence[int]]) -> float:
    """How far a difference of two F1 may be off, half of its 95 % interval.

    Over fields by the bootstrap, both models on the same fields; where that takes more fields than
    there are, as if each nucleus were right or wrong on its own, which is not quite true.

    Args:
        before, after: (F, 3) true positives, false positives and false negatives of each field.
    """
    counts = np.concatenate([np.asarray(before, float), np.asarray(after, float)], axis=1)
    if len(counts) >= FEWEST_IMAGES:
        sums = resample_sums(counts)
        interval = percentile_interval(_f1(sums[:, 3:]) - _f1(sums[:, :3]))
        return 0.0 if interval is None else (interval[1] - interval[0]) / 2
    both = [counts.sum(0)[:3], counts.sum(0)[3:]]
    variance = 0.0
    for tp, fp, fn in both:
        share = float(_f1(np.array([[tp, fp, fn]]))[0])
        variance += share * (1 - share) / max(tp + (fp + fn) / 2, 1)
    return float(1.96 * np.sqrt(variance))


def _f1(counts: np.ndarray) -> np.ndarray:
    """(B,) from (B, 3); 1 where there is nothing to find and nothing was found."""
    tp, fp, fn = counts.T
    total = 2 * tp + fp + fn
    return np.where(total > 0, 2 * tp / np.maximum(total, 1), 1.0)
