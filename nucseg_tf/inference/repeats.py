"""Which masks of different tiles are the same nucleus.

Letters: P masks, K pairs of masks. Boxes (y0, x0, y1, x1), px of the image, half-open. Masks are
sorted by preference, the whole ones before those that an edge of their tile cuts.
"""

from __future__ import annotations

import numpy as np

from nucseg_tf.inference.paste import Masks

SMALLEST_CELL = 8  # px, of the grid that finds pairs


def find_repeats(masks: Masks, cut: np.ndarray, same: float) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of masks, of different tiles, that are the same nucleus.

    They are where they share more pixels than `same` times an area. This area is

    - of two whole masks, the smaller one;
    - of a whole mask and a cut one, the cut one: a piece lies in the nucleus it is a piece of,
      while a speck in a large piece is no reason to give up the piece;
    - of two cut masks, the larger one, counting only pixels that both tiles cover: what both see
      of one nucleus is the same, and pieces of neighbours must not be united.

    Args:
        masks: sorted.
        cut: (P,) bool; none is whole behind one that is cut.
        same: share of the area, in [0, 1).

    Returns:
        (K, 2) int64, indices, the smaller first; and (K,) float64, the share of the area.
    """
    pairs = find_pairs(masks)
    first, second = pairs.T
    windows = _intersect(masks.bounds[first], masks.bounds[second])
    area = np.where(cut[second], masks.area[second], np.minimum(*masks.area[pairs].T))
    common = _intersect(masks.tile[first], masks.tile[second])
    both_cut = cut[first]  # cut ones come last
    windows[both_cut] = _intersect(windows, common)[both_cut]
    for k in np.flatnonzero(both_cut):
        seen = (np.count_nonzero(masks.crop(i, common[k].tolist())) for i in pairs[k])
        area[k] = max(*seen, 1)
    shared = [
        np.count_nonzero(masks.crop(i, window) & masks.crop(j, window))
        for (i, j), window in zip(pairs.tolist(), windows.tolist(), strict=True)
    ]
    share = np.array(shared, np.float64) / area
    repeats = share > same
    return pairs[repeats], share[repeats]


def find_pairs(masks: Masks) -> np.ndarray:
    """Pairs of masks of different tiles whose bounds overlap, in time linear in masks and area.

    Masks are entered in all cells of a grid that their bounds meet; only masks of one cell are
    compared.

    Returns:
        (K, 2) int64, indices, the smaller first.
    """
    sides = masks.bounds[:, 2:] - masks.bounds[:, :2]
    size = max(SMALLEST_CELL, int(sides.mean()))
    low, high = masks.bounds[:, :2] // size, (masks.bounds[:, 2:] - 1) // size
    span = high - low + 1
    owner, turn = _count_up(span.prod(axis=1))
    row, column = low[owner, 0] + turn // span[owner, 1], low[owner, 1] + turn % span[owner, 1]
    columns = high[:, 1].max() + 1
    cell = row * columns + column
    order = np.argsort(cell, kind="stable")  # keeps the owners of a cell ascending
    cell, owner = cell[order], owner[order]
    # Each entry meets all that come before it in its cell.
    starts = np.flatnonzero(np.diff(cell, prepend=-1))
    place = np.arange(len(cell)) - np.repeat(starts, np.diff(starts, append=len(cell)))
    later, turn = _count_up(place)
    first, second = owner[later - 1 - turn], owner[later]
    apart = masks.part[first] != masks.part[second]
    first, second, cell = first[apart], second[apart], cell[later[apart]]
    window = _intersect(masks.bounds[first], masks.bounds[second])
    # A pair may meet in several cells; it counts where its common bounds begin.
    meets = (window[:, :2] < window[:, 2:]).all(axis=1)
    meets &= (window[:, 0] // size) * columns + window[:, 1] // size == cell
    return np.stack([first[meets], second[meets]], axis=1)


def _count_up(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Repeat index i counts[i] times; and number the repetitions of each, 0 ... counts[i] - 1."""
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)


def _intersect(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Boxes that pairs of boxes have in common, (K, 4); where they are apart, sides are <= 0."""
    low, high = np.maximum(first, second), np.minimum(first, second)
    return np.hstack([low[:, :2], high[:, 2:]])
