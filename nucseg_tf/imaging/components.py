"""Connected components of masks, and label images made tidy: holes, areas, numbers.

H rows, W columns.
"""

from __future__ import annotations

import cv2
import numpy as np


def components(mask: np.ndarray, connectivity: int = 4) -> tuple[np.ndarray, int]:
    """Connected components of a mask, (H, W) int32 with 0 outside it, and how many there are."""
    count, found = cv2.connectedComponents(
        mask.astype(np.uint8), connectivity=connectivity, ltype=cv2.CV_32S
    )
    return found, count - 1


def single_seeds(seeds: np.ndarray, pieces: np.ndarray) -> np.ndarray:
    """Give each piece that holds one seed only to that seed, as a whole.

    Args:
        seeds: (H, W) int32, 0 where there is none.
        pieces: (H, W) int32, 0 outside; of all pixels of seeds.

    Returns:
        (H, W) int32, seeds; 0 in pieces with several or none.
    """
    at = seeds > 0
    lowest, highest = _extremes(pieces[at], seeds[at], pieces.max(initial=0))
    return np.where(lowest == highest, highest, 0).astype(np.int32)[pieces]


def _extremes(groups: np.ndarray, values: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest value of each group 1..count; for a group without, both differ."""
    lowest = np.full(count + 1, np.iinfo(np.int32).max, np.int32)
    highest = np.zeros(count + 1, np.int32)
    np.minimum.at(lowest, groups, values)
    np.maximum.at(highest, groups, values)
    return lowest, highest


def fill_holes(labels: np.ndarray) -> np.ndarray:
    """Give background that one label encloses to that label; what several enclose stays."""
    holes, count = components(labels == 0)
    if count < 2:
        return labels
    around, values = [], []
    for near, far in (
        (np.s_[1:], np.s_[:-1]),
        (np.s_[:-1], np.s_[1:]),
        (np.s_[:, 1:], np.s_[:, :-1]),
        (np.s_[:, :-1], np.s_[:, 1:]),
    ):
        at = (holes[near] > 0) & (labels[far] > 0)
        around.append(holes[near][at])
        values.append(labels[far][at])
    lowest, highest = _extremes(np.concatenate(around), np.concatenate(values), count)
    fill = np.where(lowest == highest, highest, 0).astype(np.int32)
    fill[np.concatenate([holes[0], holes[-1], holes[:, 0], holes[:, -1]])] = 0
    fill[0] = 0
    return labels + fill[holes]


def keep_areas(labels: np.ndarray, smallest: int, largest: int = 0) -> np.ndarray:
    """Drop labels outside the area limits (px; `largest` 0 is none) and number the rest 1..N.

    Labels come out in the order of their first pixels, row by row.
    """
    areas = np.bincount(labels.ravel())
    keep = areas >= max(smallest, 1)
    if largest:
        keep &= areas <= largest
    keep[0] = False
    values = np.where(keep[labels], labels, 0)
    present, first = np.unique(values, return_index=True)
    order = present[np.argsort(first)]
    order = order[order > 0]
    numbers = np.zeros(len(areas), np.int32)
    numbers[order] = np.arange(1, len(order) + 1, dtype=np.int32)
    return numbers[values]
