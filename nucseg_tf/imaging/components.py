"""Connected components of masks, and label images made tidy: holes, areas, numbers.

H rows, W columns, G groups of pixels, numbered from 1.
"""

from __future__ import annotations

import cv2
import numpy as np

from nucseg_tf.imaging.runs import find_runs


def components(mask: np.ndarray, connectivity: int = 4) -> tuple[np.ndarray, int]:
    """Connected components of a mask, (H, W) int32 with 0 outside it, and how many there are."""
    count, found = cv2.connectedComponents(
        _bytes(mask), connectivity=connectivity, ltype=cv2.CV_32S
    )
    return found, count - 1


def _bytes(mask: np.ndarray) -> np.ndarray:
    """A mask for OpenCV, uint8; without copying it where that can be."""
    return mask.view(np.uint8) if mask.dtype == bool else mask.astype(np.uint8, copy=False)


def single_seeds(seeds: np.ndarray, pieces: np.ndarray) -> np.ndarray:
    """Give each piece that holds one seed only to that seed, as a whole.

    Args:
        seeds: (H, W) int32, 0 where there is none.
        pieces: (H, W) int32, 0 outside, 4-connected; of all pixels of seeds.

    Returns:
        (H, W) int32, seeds; 0 in pieces with several or none.
    """
    runs = find_runs(seeds)  # each of one piece
    inside = runs.values > 0
    groups, values = pieces.ravel()[runs.starts[inside]], runs.values[inside]
    only = _only(groups, values, pieces.max(initial=0))
    return find_runs(pieces, pieces > 0).paint(only)


def _only(groups: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """The value, (G + 1,) int32, of each group that has but one; 0 for several and for none."""
    lowest = np.full(count + 1, np.iinfo(np.int32).max, np.int32)
    highest = np.zeros(count + 1, np.int32)
    np.minimum.at(lowest, groups, values)
    np.maximum.at(highest, groups, values)
    return np.where(lowest == highest, highest, 0).astype(np.int32)


def only_neighbour(
    labels: np.ndarray, pixels: np.ndarray, groups: np.ndarray, count: int
) -> np.ndarray:
    """The label around each group of pixels, where there is but one.

    Args:
        labels: (H, W) int32, positive for labels.
        pixels: (P,) in the flat image, none at its edge.
        groups: (P,) in 1..G.
        count: G.

    Returns:
        (G + 1,) int32, 0 for groups with several or none.
    """
    flat, width = labels.ravel(), labels.shape[1]
    near = np.concatenate([flat[pixels + step] for step in (-width, -1, 1, width)])
    labelled = near > 0
    return _only(np.tile(groups, 4)[labelled], near[labelled], count)


def fill_holes(labels: np.ndarray) -> np.ndarray:
    """Give background that one label encloses to that label; what several enclose stays."""
    gaps = cv2.copyMakeBorder(_bytes(labels == 0), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    cv2.floodFill(gaps, None, (0, 0), 0, flags=4)  # with what is open to the image's edge
    gaps = gaps[1:-1, 1:-1]
    pixels = np.flatnonzero(gaps)
    if len(pixels) == 0:
        return labels
    numbered, count = components(gaps)
    groups = numbered.ravel()[pixels]
    filled = labels.copy()
    filled.ravel()[pixels] = only_neighbour(labels, pixels, groups, count)[groups]
    return filled


def keep_areas(labels: np.ndarray, smallest: int, largest: int = 0) -> np.ndarray:
    """Drop labels outside the area limits (px; `largest` 0 is none) and number the rest 1..N.

    Labels come out in the order of their first pixels, row by row.
    """
    runs = find_runs(labels)
    areas, firsts = runs.areas_and_firsts()
    keep = areas >= max(smallest, 1)
    if largest:
        keep &= areas <= largest
    keep[:1] = False
    order = np.flatnonzero(keep)
    order = order[np.argsort(firsts[order])]
    numbers = np.zeros(len(areas), np.int32)
    numbers[order] = np.arange(1, len(order) + 1, dtype=np.int32)
    return runs.paint(numbers)
