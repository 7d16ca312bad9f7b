"""Which predicted nucleus belongs to which true one.

Letters: H rows, W columns, N true nuclei, P predicted nuclei, K overlapping pairs, M matches.
Labels are (H, W) integers of any width, 0 background, not necessarily sequential. Indices count
nuclei in the order of their labels; they are not the labels. Truth is negative where nothing is
known: predicted nuclei with more than half of their pixels there are neither right nor wrong, and
left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from nucseg_tf.errors import LabelError

# Pixels looked at in one go: bounds the memory for temporaries to about 100 MB.
CHUNK_PIXELS = 1 << 22


@dataclass(frozen=True)
class OverlapTable:
    """How much each true nucleus overlaps each predicted one; pairs apart are left out.

    Attributes:
        truth_labels: (N,) labels of the true nuclei, ascending.
        truth_areas: (N,) int64, px.
        pred_labels: (P,) labels of the predicted nuclei that count, ascending.
        pred_areas: (P,) int64, px.
        truth_index: (K,) int64 in [0, N), ascending; entry k of the four describes pair k.
        pred_index: (K,) int64 in [0, P).
        intersection: (K,) int64, px, at least 1.
        iou: (K,) float64 in (0, 1], intersection over union.
    """

    truth_labels: np.ndarray
    truth_areas: np.ndarray
    pred_labels: np.ndarray
    pred_areas: np.ndarray
    truth_index: np.ndarray
    pred_index: np.ndarray
    intersection: np.ndarray
    iou: np.ndarray


def overlap_table(truth: np.ndarray, prediction: np.ndarray) -> OverlapTable:
    """Count the pixels shared by each pair of nuclei.

    Time is linear in the pixels; memory grows with the nuclei, not with the image.

    Args:
        truth: (H, W) integer, 0 background, negative where nothing is known.
        prediction: (H, W) integer, 0 background.

    Returns:
        The table, sorted by true and then predicted label.

    Raises:
        LabelError: where the two differ in shape, or are not two-dimensional integers.
    """
    _check(truth, prediction)
    rows = max(1, CHUNK_PIXELS // max(1, truth.shape[1]))
    tallies = [
        _tally(*_runs(truth[top : top + rows], prediction[top : top + rows]))
        for top in range(0, max(1, truth.shape[0]), rows)
    ]
    first, second, pixels = _tally(*map(np.concatenate, zip(*tallies, strict=True)))

    if (first < 0).any():
        second = _drop_unknown(first, second, pixels)
    truth_labels, truth_areas, truth_index = _areas(first, pixels)
    pred_labels, pred_areas, pred_index = _areas(second, pixels)
    both = (truth_index >= 0) & (pred_index >= 0)
    truth_index, pred_index, shared = truth_index[both], pred_index[both], pixels[both]
    union = truth_areas[truth_index] + pred_areas[pred_index] - shared
    return OverlapTable(
        truth_labels=truth_labels,
        truth_areas=truth_areas,
        pred_labels=pred_labels,
        pred_areas=pred_areas,
        truth_index=truth_index,
        pred_index=pred_index,
        intersection=shared,
        iou=shared / union,
    )


def match(table: OverlapTable, threshold: float) -> np.ndarray:
    """Pair true with predicted nuclei one to one; a pair may match when IoU >= threshold.

    Above 0.5 each nucleus has one candidate at most, and nothing is left to decide (Kirillov et
    al. 2019, "Panoptic Segmentation", section 4.1). At 0.5 and below a nucleus may have several;
    of all assignments those with the most matches are kept, and of these the one with the
    largest sum of IoU.

    Args:
        table: overlaps of one image.
        threshold: in (0, 1].

    Returns:
        (M, 2) int64 of (truth index, prediction index), sorted by truth index.

    Raises:
        ValueError: where the threshold is not in (0, 1].
    """
    pairs = match_rows(table, threshold)
    return np.stack([table.truth_index[pairs], table.pred_index[pairs]], axis=1)


def match_rows(table: OverlapTable, threshold: float) -> np.ndarray:
    """Do what `match` does, and return the (M,) rows of the table that were matched."""
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold must be in (0, 1]. Received: {threshold}")
    candidates = np.flatnonzero(table.iou >= threshold)
    truths, preds = table.truth_index[candidates], table.pred_index[candidates]
    alone = (np.bincount(truths)[truths] == 1) & (np.bincount(preds)[preds] == 1)
    disputed = candidates[~alone]
    if disputed.size == 0:
        return candidates
    return np.sort(np.concatenate([candidates[alone], _assign(table, disputed)]))


def best_iou(labels: np.ndarray, view: np.ndarray) -> np.ndarray:
    """IoU of each nucleus 1..N of (H, W) labels with its best partner, (N,); 0 without partner.

    >>> best_iou(np.array([[1, 1, 0, 2]]), np.array([[7, 7, 7, 0]])).round(2).tolist()
    [0.67, 0.0]
    """
    table = overlap_table(labels, view)
    best = np.zeros(len(table.truth_labels))
    np.maximum.at(best, table.truth_index, table.iou)
    return best


def _assign(table: OverlapTable, disputed: np.ndarray) -> np.ndarray:
    """Pick from rows that share nuclei the best one-to-one subset, (K,) -> (M,).

    SciPy's sparse solver wants every true nucleus assigned, so each gets a stand-in of its own,
    which means "not matched". A match is worth `bonus` + IoU; as the bonus exceeds any sum of
    IoU, one more match always wins.
    """
    _, truths = np.unique(table.truth_index[disputed], return_inverse=True)
    preds_seen, preds = np.unique(table.pred_index[disputed], return_inverse=True)
    n_truths, n_preds = int(truths.max()) + 1, len(preds_seen)
    bonus = n_truths + 1.0

    stand_in = np.arange(n_truths)
    worth = np.concatenate([bonus + table.iou[disputed], np.full(n_truths, 1e-3)])
    row = np.concatenate([truths, stand_in])
    column = np.concatenate([preds, n_preds + stand_in])
    graph = coo_array((worth, (row, column)), shape=(n_truths, n_preds + n_truths)).tocsr()
    chosen = min_weight_full_bipartite_matching(graph, maximize=True)[1]
    return disputed[chosen[truths] == preds]


def _check(truth: np.ndarray, prediction: np.ndarray) -> None:
    """Raise LabelError unless both are integers of one two-dimensional shape."""
    for name, labels in (("truth", truth), ("prediction", prediction)):
        if labels.ndim != 2 or labels.dtype.kind not in "iu":
            raise LabelError(
                f"{name} must be a two-dimensional integer label image. "
                f"Received: shape {labels.shape}, dtype {labels.dtype}"
            )
    if truth.shape != prediction.shape:
        raise LabelError(
            "truth and prediction must have one shape. "
            f"Received: truth {truth.shape}, prediction {prediction.shape}"
        )


def _runs(truth: np.ndarray, prediction: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut the pixels, in reading order, into runs in which neither label changes.

    Nuclei are many pixels wide, so that sorting runs is far cheaper than sorting pixels.

    Returns:
        True label, predicted label and length (px, int64) of each run.
    """
    first, second = truth.ravel(), prediction.ravel()
    changes = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    starts = np.append(0, np.flatnonzero(changes) + 1)[: first.size]
    return first[starts], second[starts], np.diff(starts, append=first.size)


def _tally(
    first: np.ndarray, second: np.ndarray, pixels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Add up the pixels of equal pairs of labels; the pairs come back sorted."""
    first_labels, first_index = np.unique(first, return_inverse=True)
    second_labels, second_index = np.unique(second, return_inverse=True)
    columns = max(1, len(second_labels))
    keys, pair = np.unique(first_index * columns + second_index, return_inverse=True)
    totals = np.bincount(pair, weights=pixels, minlength=len(keys)).astype(np.int64)
    return first_labels[keys // columns], second_labels[keys % columns], totals


def _drop_unknown(first: np.ndarray, second: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Predicted labels of a tally, 0 for those that lie mostly where nothing is known."""
    _, index = np.unique(second, return_inverse=True)
    lost = np.bincount(index, weights=pixels * (first < 0))
    return np.where((2 * lost > np.bincount(index, weights=pixels))[index], 0, second)


def _areas(labels: np.ndarray, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the foreground labels, their areas, and for each entry its index (-1 background)."""
    found, index = np.unique(labels, return_inverse=True)
    areas = np.bincount(index, weights=pixels, minlength=len(found)).astype(np.int64)
    nucleus = found > 0
    position = np.where(nucleus, np.cumsum(nucleus) - 1, -1)
    return found[nucleus], areas[nucleus], position[index]
