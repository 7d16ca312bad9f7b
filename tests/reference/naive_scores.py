"""Scores written as their definitions read: loops over nuclei, nothing clever."""

from __future__ import annotations

from itertools import combinations

import numpy as np


def naive_iou(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """IoU of each true with each predicted nucleus, (N, P), in the order of their labels."""
    true_labels = [label for label in np.unique(truth) if label != 0]
    pred_labels = [label for label in np.unique(prediction) if label != 0]
    iou = np.zeros((len(true_labels), len(pred_labels)))
    for i, true_label in enumerate(true_labels):
        for j, pred_label in enumerate(pred_labels):
            a, b = truth == true_label, prediction == pred_label
            iou[i, j] = np.sum(a & b) / np.sum(a | b)
    return iou


def naive_match(iou: np.ndarray, threshold: float) -> list[tuple[int, int]]:
    """Tries every one-to-one set of pairs: most matches first, then the largest sum of IoU."""
    pairs = [(int(i), int(j)) for i, j in np.argwhere(iou >= threshold)]
    for size in range(min(iou.shape), 0, -1):
        fitting = [
            subset
            for subset in combinations(pairs, size)
            if len({i for i, _ in subset}) == len({j for _, j in subset}) == size
        ]
        if fitting:
            return list(max(fitting, key=lambda subset: sum(iou[pair] for pair in subset)))
    return []


def naive_f1(truth: np.ndarray, prediction: np.ndarray, threshold: float) -> float:
    """2 TP / (2 TP + FP + FN), 1 where there is nothing to find and nothing found."""
    iou = naive_iou(truth, prediction)
    tp = len(naive_match(iou, threshold))
    fn, fp = iou.shape[0] - tp, iou.shape[1] - tp
    return 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 1.0


def naive_pq(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Sum of the IoU matched at 0.5, over TP + FP / 2 + FN / 2."""
    iou = naive_iou(truth, prediction)
    matched = naive_match(iou, 0.5)
    tp = len(matched)
    fn, fp = iou.shape[0] - tp, iou.shape[1] - tp
    return sum(iou[pair] for pair in matched) / (tp + fp / 2 + fn / 2) if tp + fp + fn else 1.0


def naive_boundary_distance(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Average symmetric surface distance of two boolean masks, every pixel with every other."""
    a, b = _naive_outline(truth), _naive_outline(prediction)
    nearest = [min(np.hypot(y - v, x - u) for v, u in b) for y, x in a]
    nearest += [min(np.hypot(y - v, x - u) for v, u in a) for y, x in b]
    return sum(nearest) / len(nearest)


def _naive_outline(mask: np.ndarray) -> list[tuple[int, int]]:
    """Pixels of a mask with one of four neighbours in the image but outside the mask."""
    height, width = mask.shape
    return [
        (y, x)
        for y in range(height)
        for x in range(width)
        if mask[y, x]
        and any(
            0 <= v < height and 0 <= u < width and not mask[v, u]
            for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1))
        )
    ]


def naive_resample_f1(tp: list[int], nuclei: list[int], samples: int, seed: int) -> list[float]:
    """F1 = 2 TP / nuclei of images drawn with replacement, one image after the other."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(samples):
        drawn = rng.integers(0, len(tp), len(tp))
        hits = total = 0
        for index in drawn:
            hits += tp[index]
            total += nuclei[index]
        found.append(2 * hits / total if total else 1.0)
    return found


def naive_difference(truth: np.ndarray, prediction: np.ndarray, threshold: float) -> np.ndarray:
    """Codes of `panels.difference`, pixel by pixel."""
    true_labels = [label for label in np.unique(truth) if label != 0]
    pred_labels = [label for label in np.unique(prediction) if label != 0]
    pairs = naive_match(naive_iou(truth, prediction), threshold)
    same = {(true_labels[i], pred_labels[j]) for i, j in pairs} | {(0, 0)}
    codes = np.zeros(truth.shape, np.uint8)
    for place in np.ndindex(*truth.shape):
        t, p = truth[place], prediction[place]
        if (t, p) not in same:
            codes[place] = 3 if t and p else 1 if t else 2
    return codes
