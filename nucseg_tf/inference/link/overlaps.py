"""Which labels of two images overlap, and which of them belong together.

H rows, W columns; K pairs of labels that overlap.
"""

from __future__ import annotations

import numpy as np

from nucseg_tf.imaging.runs import find_runs


def find_overlaps(
    first: np.ndarray, second: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count the pixels that two label images share.

    Args:
        first, second: (H, W) integer, 0 background.

    Returns:
        Label in the first, in the second, and shared pixels, (K,) int64 each; sorted by labels.

    >>> first, second = np.array([[1, 1, 0, 2]]), np.array([[0, 3, 3, 1]])
    >>> [part.tolist() for part in find_overlaps(first, second)]
    [[1, 2], [3, 1], [1, 1]]
    """
    runs = find_runs(first, second)
    one, other = runs.values, second.ravel()[runs.starts]
    both = (one > 0) & (other > 0)
    base = int(other.max(initial=0)) + 1
    pairs, index = np.unique(one[both].astype(np.int64) * base + other[both], return_inverse=True)
    pixels = np.bincount(index, runs.lengths[both], len(pairs)).astype(np.int64)
    return pairs // base, pairs % base, pixels


def pick_best(first: np.ndarray, second: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Pick pairs one to one, the best first: what a pair is made of is in no other one.

    Round by round, pairs are taken that are the best of both their labels, and what they use up
    is left out; that is the same as going through all pairs from the best on. Of equal scores the
    first is the better one.

    Args:
        first, second: (K,) labels, not negative.
        score: (K,), the higher the better.

    Returns:
        Indices of the pairs picked, ascending.

    >>> pick_best(np.array([1, 1, 2]), np.array([1, 2, 2]), np.array([0.5, 0.9, 0.6])).tolist()
    [1]
    """
    order = np.argsort(-score, kind="stable")
    picked = []
    while order.size:
        best = np.ones(len(order), bool)
        for labels in (first[order], second[order]):
            leads = np.zeros(len(order), bool)
            leads[np.unique(labels, return_index=True)[1]] = True  # of each label, the first
            best &= leads
        picked.append(order[best])
        taken = [np.isin(side[order], side[order[best]]) for side in (first, second)]
        order = order[~(taken[0] | taken[1])]
    return np.sort(np.concatenate(picked)) if picked else order
