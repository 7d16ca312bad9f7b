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
    outline = np.pad(_outlines(labels), 1)
    place, down = np.flatnonzero(outline), outline.shape[1]
    flat = outline.ravel()
    own = flat[place].astype(np.int64)
    kind = np.ones(len(place), np.int64)
    for step in (1, -1, down, -down):
        kind += 2 * (flat[place + step] == own)
    for step in (down + 1, down - 1, -down + 1, -down - 1):
        kind += 10 * (flat[place + step] == own)
    sums = np.bincount(own, LENGTHS[kind], int(labels.max(initial=0)) + 1)
    return sums[1:].astype(np.float64)  # without any pixel they are integers


def _outlines(labels: np.ndarray) -> np.ndarray:
    """The labels (H, W) without what lies within."""
    within = np.zeros(labels.shape, bool)
    down, right = labels[1:] == labels[:-1], labels[:, 1:] == labels[:, :-1]
    within[1:-1, 1:-1] = down[1:, 1:-1] & down[:-1, 1:-1] & right[1:-1, 1:] & right[1:-1, :-1]
    return np.where(within, 0, labels)
