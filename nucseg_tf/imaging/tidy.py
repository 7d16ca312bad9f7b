"""From painted nuclei to a label image: each in one piece, without holes, of the size asked for.

Letters: H rows, W columns, N nuclei.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage

from nucseg_tf.imaging.components import fill_holes
from nucseg_tf.types import Instances


def tidy(labels: np.ndarray, scores: np.ndarray, min_area: int = 0, max_area: int = 0) -> Instances:
    """Keep the largest piece of each nucleus, fill its holes, drop it where its area is none.

    Args:
        labels: (H, W) int32, 0 background, 1..N; changed in place.
        scores: (N,) float32, of the labels.
        min_area: least area, px; 0 is no limit.
        max_area: largest area, px; 0 is no limit.

    Returns:
        Labels in the order of their first pixels.
    """
    labels = _drop_small(fill_holes(_largest_pieces(labels)), min_area)
    return _number(labels, scores, max_area)


def _largest_pieces(labels: np.ndarray) -> np.ndarray:
    """Keep of each label the largest 4-connected piece, the first of equal ones; in place."""
    for label, place in enumerate(ndimage.find_objects(labels), start=1):
        if place is None:  # painted over
            continue
        inside = labels[place] == label
        count, pieces, stats, _ = cv2.connectedComponentsWithStats(
            inside.view(np.uint8), connectivity=4, ltype=cv2.CV_32S
        )
        if count > 2:
            largest = 1 + np.argmax(stats[1:, cv2.CC_STAT_AREA])
            labels[place][inside & (pieces != largest)] = 0
    return labels


def _drop_small(labels: np.ndarray, smallest: int) -> np.ndarray:
    """Drop labels below an area; one inside another leaves no hole there. (H, W) -> (H, W)."""
    values, areas, _ = _measure(labels)
    small = values[areas < smallest]
    if small.size == 0:
        return labels
    table = np.arange(values.max() + 1, dtype=np.int32)
    table[small] = 0
    return fill_holes(table[labels])


def _number(labels: np.ndarray, scores: np.ndarray, largest: int) -> Instances:
    """Drop labels above an area (px; 0: none) and number the rest in reading order."""
    values, areas, first = _measure(labels)
    if largest:
        values, first = values[areas <= largest], first[areas <= largest]
    values = values[np.argsort(first)]
    table = np.zeros(len(scores) + 1, np.int32)
    table[values] = np.arange(1, len(values) + 1)
    return Instances(table[labels], scores[values - 1])


def _measure(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The labels present, ascending; area (px) and first pixel (index into the flat image)."""
    flat = labels.ravel()
    # Runs of one label, not pixels, are sorted: there are far fewer.
    starts = np.append(0, np.flatnonzero(flat[1:] != flat[:-1]) + 1)
    lengths = np.diff(starts, append=flat.size)
    inside = flat[starts] > 0
    starts, lengths = starts[inside], lengths[inside]
    values, first, index = np.unique(flat[starts], return_index=True, return_inverse=True)
    areas = np.bincount(index, weights=lengths, minlength=len(values))
    return values, areas.astype(np.int64), starts[first]
