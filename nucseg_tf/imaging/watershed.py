"""A seeded watershed that is quick where few pixels are in question.

Flooding gives a pixel the label of the first of its neighbours that is reached. Whoever comes down
to a marker, always by the lowest neighbour, is reached before anything higher than itself. So a
pixel whose lowest neighbour does belongs to that one, and a whole way down is of one label: it
takes no queue. Only what leads into a pit without a marker is flooded.

H rows, W columns, U pixels in question, P some of them; all are indices of the flat image.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from skimage import segmentation

from nucseg_tf.imaging.components import groups_of, neighbours, only_neighbour

CODE = -2  # pixel i of those in question is marked CODE - i


def watershed(landscape: np.ndarray, labels: np.ndarray) -> None:
    """Label each pixel without a marker as `skimage.segmentation.watershed` would, in place.

    A pixel between markers of different labels and the very same height may fall to another one
    of them than in scikit-image.

    Args:
        landscape: (H, W) float32, finite.
        labels: (H, W) int32, C-contiguous: markers, positive or -1, and 0 where pixels are in
            question; these stay 0 where no marker is in reach.
    """
    flat, pixels = labels.ravel(), np.flatnonzero(labels == 0)
    flat[pixels], tied = _descend(landscape, labels, pixels)
    left = flat[pixels] == 0
    doubtful = _depend_on_order(landscape, labels, pixels[tied | left])
    if len(doubtful):
        groups, _ = groups_of(pixels, labels.shape[1])
        left |= np.isin(groups, groups[np.isin(pixels, doubtful)])
    if left.any():
        flat[pixels[left]] = 0
        _flood(landscape, labels, pixels[left])


def _descend(
    landscape: np.ndarray, labels: np.ndarray, pixels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Go from each pixel in question (U,) to its lowest neighbour, and on, down to a marker.

    Returns:
        (U,) int32, the marker's label, 0 where the way ends in a pit; and (U,) bool, true where
        several neighbours are the lowest. The labels of the pixels themselves are overwritten.
    """
    around = neighbours(landscape, pixels, np.inf)
    lowest = around.min(axis=0)
    above, left, right, below = around == lowest
    width = labels.shape[1]
    step = np.where(above, -width, np.where(left, -1, np.where(right, 1, width)))
    downhill = lowest < landscape.ravel().take(pixels)

    flat, itself = labels.ravel(), np.arange(len(pixels), dtype=np.int32)
    flat[pixels] = CODE - itself
    found = np.where(downhill, flat.take(pixels + step, mode="clip"), 0)
    towards = np.where(found <= CODE, CODE - found, itself)
    while not np.array_equal(further := towards[towards], towards):
        towards = further  # twice as far
    tied = (above & left) | ((above | left) & right) | ((above | left | right) & below)
    return found[towards], tied


def _depend_on_order(landscape: np.ndarray, labels: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Those of some pixels (P,) with two neighbours of the same height and different labels."""
    height, label = neighbours(landscape, pixels, np.nan), neighbours(labels, pixels, 0)
    pairs = combinations(range(4), 2)
    found = [(height[a] == height[b]) & (label[a] != label[b]) for a, b in pairs]
    return pixels[np.any(found, axis=0)]


def _flood(landscape: np.ndarray, labels: np.ndarray, pixels: np.ndarray) -> None:
    """Flood the pixels that are left (P,), in place.

    Those that lie together and their neighbours are copied side by side into a small image.
    """
    width = labels.shape[1]
    groups, _ = groups_of(pixels, width)
    flat = labels.ravel()
    flat[pixels] = only_neighbour(labels, pixels, groups)
    several = flat[pixels] == 0
    pixels, groups = pixels[several], groups[several]
    if len(pixels) == 0:
        return
    _, groups = np.unique(groups, return_inverse=True)
    place, shape = _arrange(*np.divmod(pixels, width), groups)

    heights, markers = np.zeros(shape, np.float64), np.zeros(shape, np.int32)
    rim = np.zeros(shape, bool)
    steps = (-shape[1], -1, 1, shape[1])
    around = neighbours(landscape, pixels, 0), neighbours(labels, pixels, 0)
    for step, height, label in zip(steps, *around, strict=True):
        heights.ravel()[place + step], markers.ravel()[place + step] = height, label
        rim.ravel()[place + step] = label != 0
    heights.ravel()[place], rim.ravel()[place] = landscape.ravel()[pixels], True
    flooded = segmentation.watershed(heights, markers, mask=rim)
    flat[pixels] = flooded.ravel()[place]


def _arrange(
    row: np.ndarray, column: np.ndarray, groups: np.ndarray
) -> tuple[np.ndarray, tuple[int, int]]:
    """Where groups of pixels lie in an image that holds little else, each with a frame around it.

    Args:
        row, column: (P,) of the pixels.
        groups: (P,) in 0..G - 1, none empty.

    Returns:
        (P,), in the flat small image, and its shape.
    """
    row, column = row - _least(row, groups)[groups], column - _least(column, groups)[groups]
    height, width = 3 - _least(-row, groups), 3 - _least(-column, groups)
    across = max(width.max(), int(np.sqrt((height * width).sum())))
    top, left = np.zeros_like(height), np.zeros_like(width)
    y = x = tallest = 0
    for group in np.argsort(-height):  # in rows, like books on shelves
        if x + width[group] > across:
            x, y = 0, y + tallest
        if x == 0:
            tallest = height[group]
        top[group], left[group] = y, x
        x += width[group]
    row, column = row + 1 + top[groups], column + 1 + left[groups]
    return row * across + column, (int(y + tallest), int(across))


def _least(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The least value of each group, (P,) -> (G,)."""
    least = np.full(groups.max() + 1, np.iinfo(np.int64).max)
    np.minimum.at(least, groups, values)
    return least
