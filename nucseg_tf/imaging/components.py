"""Connected components of masks, and label images made tidy: holes, areas, numbers.

H rows, W columns, P pixels of the flat image, G groups of them.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from nucseg_tf.imaging.runs import Runs, find_runs


def components(mask: np.ndarray, connectivity: int = 4) -> tuple[np.ndarray, int]:
    """Connected components of a mask, (H, W) int32 with 0 outside it, and how many there are."""
    count, found = cv2.connectedComponents(
        _bytes(mask), connectivity=connectivity, ltype=cv2.CV_32S
    )
    return found, count - 1


def _bytes(mask: np.ndarray) -> np.ndarray:
    """A mask for OpenCV, uint8; without copying it where that can be."""
    return mask.view(np.uint8) if mask.dtype == bool else mask.astype(np.uint8, copy=False)


def groups_of(pixels: np.ndarray, width: int) -> tuple[np.ndarray, int]:
    """4-connected components of a few pixels, for which the image need not be gone through.

    Args:
        pixels: (P,) ascending, of the flat image.
        width: W.

    Returns:
        (P,) int32 in 0..G - 1, and G.

    >>> groups_of(np.array([0, 3, 4, 5]), 4)  # the last of a row, and two below the first
    (array([0, 1, 0, 0], dtype=int32), 2)
    """
    left = np.flatnonzero((np.diff(pixels) == 1) & (pixels[1:] % width > 0))
    below = np.searchsorted(pixels, pixels + width)
    above = np.flatnonzero(pixels.take(below, mode="clip") == pixels + width)
    pairs = np.append(left, above), np.append(left + 1, below[above])
    graph = sparse.coo_array((np.ones(len(pairs[0]), bool), pairs), (len(pixels), len(pixels)))
    count, groups = connected_components(graph, directed=False)
    return groups, count


def neighbours(image: np.ndarray, pixels: np.ndarray, beyond: float) -> np.ndarray:
    """The four neighbours of pixels: above, left, right, below.

    Args:
        image: (H, W).
        pixels: (P,) of the flat image.
        beyond: stands for neighbours outside the image.

    Returns:
        (4, P) of the image's type.
    """
    width = image.shape[1]
    steps = (-width, -1, 1, width)
    found = np.stack([image.ravel().take(pixels + step, mode="wrap") for step in steps])
    column = pixels % width
    outside = (pixels < width, column == 0, column == width - 1, pixels >= image.size - width)
    for side, here in zip(found, outside, strict=True):
        side[here] = beyond
    return found


def only_neighbour(labels: np.ndarray, pixels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The label around the group of each pixel, where there is but one.

    Args:
        labels: (H, W) int32, 0 at the pixels.
        pixels: (P,) of the flat image.
        groups: (P,), from 0.

    Returns:
        (P,) int32, 0 for groups with several labels or none.
    """
    near = neighbours(labels, pixels, 0)
    labelled = near != 0
    groups_near = np.broadcast_to(groups, near.shape)[labelled]
    return _only(groups_near, near[labelled], groups.max(initial=0))[groups]


def single_seeds(seeds: np.ndarray, pieces: np.ndarray) -> np.ndarray:
    """Give each piece that holds one seed only to that seed, as a whole.

    Args:
        seeds: (H, W) int32, 0 where there is none.
        pieces: (H, W) int32, 0 outside; of all pixels of seeds.

    Returns:
        (H, W) int32, seeds; 0 in pieces with several or none.
    """
    runs = find_runs(pieces, seeds)
    values = seeds.ravel()[runs.starts]
    inside = values > 0
    only = _only(runs.values[inside], values[inside], runs.values.max(initial=0))
    return runs.renumber(only).paint()


def _only(groups: np.ndarray, values: np.ndarray, last: int) -> np.ndarray:
    """The value of each group 0..`last` that has but one, 0 for others, (G,) int32."""
    limits = np.iinfo(np.int32)
    lowest = np.full(last + 1, limits.max, np.int32)
    highest = np.full(last + 1, limits.min, np.int32)
    np.minimum.at(lowest, groups, values)
    np.maximum.at(highest, groups, values)
    return np.where(lowest == highest, highest, 0)


def fill_holes(labels: np.ndarray) -> np.ndarray:
    """Give background that one label encloses to that label; what several enclose stays."""
    gaps = cv2.copyMakeBorder(_bytes(labels == 0), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    cv2.floodFill(gaps, None, (0, 0), 0, flags=4)  # what is open to the image's edge
    pixels = np.flatnonzero(gaps[1:-1, 1:-1])
    if len(pixels) == 0:
        return labels
    groups, _ = groups_of(pixels, labels.shape[1])
    filled = labels.copy()
    filled.ravel()[pixels] = only_neighbour(labels, pixels, groups)
    return filled


def keep_areas(labels: np.ndarray, smallest: int, largest: int = 0) -> np.ndarray:
    """Drop labels outside the area limits (px; `largest` 0 is none) and number the rest 1..N.

    Labels come out in the order of their first pixels, row by row.
    """
    runs, _ = keep_runs(find_runs(labels), smallest, largest)
    return runs.paint()


def keep_runs(runs: Runs, smallest: int, largest: int = 0) -> tuple[Runs, np.ndarray]:
    """As `keep_areas`, of runs; and what the labels 1..N were before, (N,) int64."""
    areas, firsts = runs.areas_and_firsts()
    keep = areas >= max(smallest, 1)
    if largest:
        keep &= areas <= largest
    keep[:1] = False
    kept = np.flatnonzero(keep)
    kept = kept[np.argsort(firsts[kept])]
    numbers = np.zeros(len(areas), np.int32)
    numbers[kept] = np.arange(1, len(kept) + 1, dtype=np.int32)
    return runs.renumber(numbers), kept
