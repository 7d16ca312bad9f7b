"""What a benchmark says: scores pooled over the images of a group, with intervals.

Every image and run is one row of sums (counts, and sums over nuclei): rows add up to the sums of a
group, and a ratio of sums is pooled, so that each nucleus counts the same. The rule for empty
images is that of `scores`: F1, AP and PQ are 1 where there is nothing to find and nothing found,
and 0 where only one of the two is empty. A mean over nuclei or a share of them is not defined
(None) without any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from nucseg_tf.evaluation.boundary import boundary_distances
from nucseg_tf.evaluation.matching import match_rows, overlap_table
from nucseg_tf.evaluation.scores import PQ_IOU, THRESHOLDS, score_table
from nucseg_tf.evaluation.statistics import (
    FEWEST_IMAGES,
    agreement,
    percentile_interval,
    resample_sums,
    t_interval,
)

OVERALL = "all images"
KEYS = tuple(f"{threshold:.2f}" for threshold in THRESHOLDS)
ERRORS = ("false_negatives", "false_positives", "splits", "merges")
SUMS = (
    *("n_truth", "n_pred", "n_matched", "matched_iou", *ERRORS, "truth_diameter"),
    *("boundary_distance", "boundary_pairs", *(f"tp_{key}" for key in KEYS)),
)


def score_labels(truth: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
    """The row of one image: SUMS by name.

    Args:
        truth: (H, W) integer, 0 background, negative where nothing is known; see `matching`.
        prediction: (H, W) integer, 0 background.

    Returns:
        `n_truth`, `n_pred`, `n_matched`, `matched_iou`, ERRORS: see `scores.ImageScore`.
        `truth_diameter`: sum over the true nuclei of the diameter of the circle of their area, px.
        `boundary_distance`: sum over `boundary_pairs` pairs, matched at IoU 0.5, px; see
        `boundary`. `tp_T`: nuclei matched at IoU T.

    Raises:
        LabelError: where the two are not label images of one shape.
    """
    table = overlap_table(truth, prediction)
    score = score_table(table)
    rows = match_rows(table, PQ_IOU)
    pairs = np.stack(
        [
            table.truth_labels[table.truth_index[rows]],
            table.pred_labels[table.pred_index[rows]],
        ],
        axis=1,
    )
    distance = boundary_distances(truth, prediction, pairs)
    defined = np.isfinite(distance)
    row = {name: getattr(score, name) for name in SUMS if hasattr(score, name)}
    row["boundary_distance"] = float(distance[defined].sum())
    row["boundary_pairs"] = int(defined.sum())
    return row | {f"tp_{key}": score.counts[key].tp for key in KEYS}


def f1(sums: Mapping[str, Any], key: str) -> np.ndarray:
    """F1 of sums, 2 TP / (N + P), at the IoU threshold that `key` (one of KEYS) names."""
    nuclei = np.asarray(sums["n_truth"], float) + sums["n_pred"]
    return _divide(2.0 * sums[f"tp_{key}"], nuclei, 1.0)


def ratios(sums: Mapping[str, Any]) -> dict[str, Any]:
    """Scores of sums.

    Args:
        sums: SUMS by name; numbers, or arrays of one shape.

    Returns:
        By name, float64 of that shape, NaN where not defined: `f1_T` = 2 TP / (N + P) with N true
        and P predicted nuclei, `ap_T` = TP / (N + P - TP), `pq` = 2 sum of matched IoU / (N + P),
        `mean_matched_iou`, `boundary_distance` (px, mean over matched nuclei), and each of ERRORS
        in percent of the true nuclei.
    """
    nuclei = np.asarray(sums["n_truth"], float) + sums["n_pred"]
    found = {}
    for key in KEYS:
        tp = sums[f"tp_{key}"]
        found[f"f1_{key}"] = f1(sums, key)
        found[f"ap_{key}"] = _divide(tp, nuclei - tp, 1.0)
    found["pq"] = _divide(2.0 * sums["matched_iou"], nuclei, 1.0)
    found["mean_matched_iou"] = _divide(sums["matched_iou"], sums["n_matched"])
    found["boundary_distance"] = _divide(sums["boundary_distance"], sums["boundary_pairs"])
    for name in ERRORS:
        found[name] = _divide(100.0 * sums[name], sums["n_truth"])
    return found


def one_pixel_iou(diameter: float | None) -> float | None:
    """IoU of a disc with the one whose outline lies one pixel further in, (r - 1)^2 / r^2.

    The ceiling that a one-pixel error sets (Zaki et al. 2020): 0.967 at a radius r of 60 px, 0.563
    at 4 px.

    Args:
        diameter: 2 r, px; None gives None.

    >>> round(one_pixel_iou(120), 3), one_pixel_iou(8), one_pixel_iou(1.5)
    (0.967, 0.5625, 0.0)
    """
    if diameter is None:
        return None
    return max(0.0, 1 - 2 / diameter) ** 2


def summarise_benchmark(rows: pd.DataFrame, entries: Sequence[str]) -> list[dict[str, Any]]:
    """Pool the rows of each group and entry.

    Args:
        rows: columns entry, run, image, group and SUMS; a row per image, entry and run.
        entries: names, in the order wanted.

    Returns:
        For each group, and for OVERALL after them where there are several, a dict for each entry:
        `group`, `entry`, `images`, `runs`, `interval` ("t" over several runs, "bootstrap" over
        FEWEST_IMAGES or more of one run, else None), `nuclei`, `predicted` (mean over runs),
        `mean_diameter` (px, of the true nuclei), `one_pixel_iou`, `scores` (name -> [value, low,
        high], see `ratios`; of several runs the mean of those in which it is defined), `defined`
        (name -> number of these runs, of scores not defined in all) and `counts`, see
        `statistics.agreement`; of several runs, of the mean counts of each image.
    """
    names = sorted(rows["group"].unique())
    parts = [(name, rows[rows["group"] == name]) for name in names]
    if len(names) > 1:
        parts.append((OVERALL, rows))
    return [
        {"group": group, "entry": entry, **_pool(part[part["entry"] == entry])}
        for group, part in parts
        for entry in entries
    ]


def _pool(rows: pd.DataFrame) -> dict[str, Any]:
    """Scores of one entry in one group."""
    runs = [run for _, run in rows.groupby("run", sort=True)]
    sums = [{name: run[name].sum() for name in SUMS} for run in runs]
    images, first = len(runs[0]), sums[0]
    nuclei = int(first["n_truth"])
    diameter = float(first["truth_diameter"] / nuclei) if nuclei else None
    many = {name: np.array([run[name] for run in map(ratios, sums)]) for name in ratios(first)}
    many = {name: values[np.isfinite(values)] for name, values in many.items()}
    if len(runs) > 1:
        interval = "t"
        ends = {name: t_interval(values) for name, values in many.items()}
    elif images >= FEWEST_IMAGES:
        interval = "bootstrap"
        drawn = resample_sums(runs[0][list(SUMS)].to_numpy(float))
        samples = ratios(dict(zip(SUMS, drawn.T, strict=True)))
        ends = {name: percentile_interval(values) for name, values in samples.items()}
    else:
        interval, ends = None, {}
    counts = rows.groupby("image")[["n_truth", "n_pred"]].mean()
    return {
        "images": images,
        "runs": len(runs),
        "interval": interval,
        "nuclei": nuclei,
        "predicted": float(np.mean([run["n_pred"] for run in sums])),
        "mean_diameter": diameter,
        "one_pixel_iou": one_pixel_iou(diameter),
        "scores": {name: _triple(values, ends.get(name)) for name, values in many.items()},
        "defined": {name: len(found) for name, found in many.items() if len(found) < len(runs)},
        "counts": agreement(counts["n_truth"].to_numpy(), counts["n_pred"].to_numpy()),
    }


def _triple(values: np.ndarray, ends: tuple[float, float] | None) -> list[float | None]:
    """Mean and ends of its interval, with None for what is not defined."""
    numbers = [float(np.mean(values)) if values.size else np.nan, *(ends or (np.nan, np.nan))]
    return [number if np.isfinite(number) else None for number in numbers]


def _divide(part: Any, whole: Any, without: float = np.nan) -> np.ndarray:
    """part / whole, and `without` where whole is 0."""
    part, whole = np.broadcast_arrays(np.asarray(part, float), np.asarray(whole, float))
    return np.divide(part, whole, out=np.full(whole.shape, without), where=whole != 0)
