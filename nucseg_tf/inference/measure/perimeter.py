"""The length of the outlines of nuclei.

H rows, W columns, N nuclei, B pixels on outlines.
"""

from __future__ import annotations

import numpy as np

# What a pixel of an outline adds, by 1 + 2 * neighbours on it beside it + 10 * across a corner:
# K. Benkrid and D. Crookes, Design and FPGA Implementation of a Perimeter Estimator.
LENGTHS = np.zeros(50)
LENGTHS[[5, 7, 15, 17, 25, 27]] = 1
LENGTHS[[21, 33]] = np.sqrt(2)
LENGTHS[[13, 23]] = (1 + np.sqrt(2)) / 2


def perimeters(labels: np.ndarray) -> np.ndarray:
    """Perimeter of each of the labels 1..N, (N,) float64, px; that of skimage.measure.perimeter.

    The outline consists of the pixels that have a neighbour, of four, that is not of their
    nucleus, or none because the image ends. Holes have outlines, too; of nuclei of a pixel or two
    it is 0, and so it is of labels that are not there.

    Args:
        labels: (H, W).
    """
    place = np.flatnonzero(_find_outlines(labels))
    own = labels.ravel()[place].astype(np.int32)
    down = labels.shape[1] + 2
    place += 2 * (place // max(1, labels.shape[1])) + down + 1  # with a frame around the image
    flat = np.zeros((labels.shape[0] + 2) * down, np.int32)
    flat[place] = own
    kind = np.ones(len(place), np.int64)
    for step in (1, -1, down, -down):
        kind += 2 * (flat[place + step] == own)
    for step in (down + 1, down - 1, -down + 1, -down - 1):
        kind += 10 * (flat[place + step] == own)
    sums = np.bincount(own, LENGTHS[kind], int(labels.max(initial=0)) + 1)
    return sums[1:].astype(np.float64)  # without any pixel they are integers


def _find_outlines(labels: np.ndarray) -> np.ndarray:
    """Where the pixels on outlines are, (H, W)."""
    found = labels > 0
    down, right = labels[1:] == labels[:-1], labels[:, 1:] == labels[:, :-1]
    within = down[1:, 1:-1] & down[:-1, 1:-1] & right[1:-1, 1:] & right[1:-1, :-1]
    found[1:-1, 1:-1] &= ~within
    return found
