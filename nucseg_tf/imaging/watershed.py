"""A seeded watershed that is quick where few pixels are in question.

Flooding gives a pixel the label of the first of its neighbours that is reached. Whoever comes down
to a marker, always by the lowest neighbour, is reached before anything higher than itself. So a
pixel whose lowest neighbour does belongs to that one, and a whole way down is of one label: it
takes no queue. Only what leads into a pit without a marker is flooded, piece by piece.

H rows, W columns, U pixels in question. Images have a frame of one pixel, (H + 2, W + 2).
"""

from __future__ import annotations

from itertools import combinations

import cv2
import numpy as np
from skimage import segmentation

from nucseg_tf.imaging.components import components, only_neighbour

BEYOND = -1  # label of the frame


def watershed(landscape: np.ndarray, markers: np.ndarray) -> np.ndarray:
    """Label each pixel without a marker as `skimage.segmentation.watershed` would.

    Args:
        landscape: (H, W) float32, finite.
        markers: (H, W) int32, 0 where pixels are in question, positive elsewhere.

    Returns:
        (H, W) int32, positive; 0 all over without a marker. A pixel between markers of different
        labels and the very same height may fall to another one of them than in scikit-image.
    """
    heights = cv2.copyMakeBorder(landscape, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=float("inf"))
    labels = cv2.copyMakeBorder(markers, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=BEYOND)
    flat, pixels = labels.ravel(), np.flatnonzero(labels == 0)
    flat[pixels], tied = _descend(heights, labels, pixels)
    left = flat[pixels] == 0
    doubtful = _depend_on_order(heights, labels, pixels[tied | left])
    if len(doubtful):
        question = np.zeros(labels.shape, bool)
        question.ravel()[pixels] = True
        pieces = components(question)[0].ravel()
        left |= np.isin(pieces[pixels], pieces[doubtful])
        flat[pixels[left]] = 0
    if left.any():
        _flood(heights, labels, pixels[left])
    return labels[1:-1, 1:-1].copy()


def _around(image: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Values of the four neighbours of pixels (P,) of the flat image, (4, P)."""
    flat, width = image.ravel(), image.shape[1]
    return np.stack([flat[pixels + step] for step in (-width, -1, 1, width)])


def _descend(
    heights: np.ndarray, labels: np.ndarray, pixels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Go from each pixel in question (U,) to its lowest neighbour, and on, down to a marker.

    Returns:
        (U,) int32, the marker's label, 0 where the way ends in a pit; and (U,) bool, true where
        several neighbours are the lowest.
    """
    height, around = heights.ravel()[pixels], _around(heights, pixels)
    lowest = around.min(axis=0)
    level = around == lowest
    width = labels.shape[1]
    step = np.select(list(level[:3]), [-width, -1, 1], width)
    target = pixels + step
    downhill = lowest < height
    found = np.where(downhill, labels.ravel()[target], 0)

    itself = np.arange(len(pixels), dtype=np.int32)
    number = np.zeros(labels.size, np.int32)
    number[pixels] = itself
    below = np.where(downhill & (found == 0), number[target], itself)
    while not np.array_equal(further := below[below], below):
        below = further  # twice as far
    return found[below], np.count_nonzero(level, axis=0) > 1


def _depend_on_order(heights: np.ndarray, labels: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Those of some pixels (P,) with two neighbours of the same height and different labels."""
    height, label = _around(heights, pixels), _around(labels, pixels)
    height[label == BEYOND] = np.nan
    pairs = combinations(range(4), 2)
    found = [(height[a] == height[b]) & (label[a] != label[b]) for a, b in pairs]
    return pixels[np.any(found, axis=0)]


def _flood(heights: np.ndarray, labels: np.ndarray, pixels: np.ndarray) -> None:
    """Flood the pixels that are left (P,), in place."""
    pieces, count = components(labels == 0)
    groups = pieces.ravel()[pixels]
    owner = only_neighbour(labels, pixels, groups, count)
    labels.ravel()[pixels] = owner[groups]

    several = np.flatnonzero(owner[groups] == 0)
    several = several[np.argsort(groups[several], kind="stable")]
    ends = np.flatnonzero(np.diff(groups[several])) + 1
    for piece in np.split(pixels[several], ends) if len(several) else ():
        rows, columns = np.divmod(piece, labels.shape[1])
        box = np.s_[rows.min() - 1 : rows.max() + 2, columns.min() - 1 : columns.max() + 2]
        inside = pieces[box] == pieces.flat[piece[0]]
        rim = cv2.dilate(inside.view(np.uint8), np.ones((3, 3), np.uint8)) > 0
        rim &= inside | (labels[box] > 0)
        flooded = segmentation.watershed(heights[box], labels[box], mask=rim)
        labels[box][inside] = flooded[inside]
