"""Which masks are the same nucleus, and which are several nuclei taken for one.

Letters: P masks, K pairs of masks. Boxes (y0, x0, y1, x1), px of the image, half-open. Masks are
sorted by preference, the whole ones before those that an edge of their tile cuts.
"""

from __future__ import annotations

import numpy as np

from nucseg_tf.families.mask_rcnn.paste import Masks

SMALLEST_CELL = 8  # px, of the grid that finds pairs
INSIDE = 0.8  # share of a nucleus that lies in the mask of several
PART = 0.15  # share of that mask, at least, that each of them is
EXPLAINED = 0.7  # share of it that they are together
APART = 0.2  # share of the smaller, at most, that two of them have in common


def find_repeats(
    masks: Masks, cut: np.ndarray, same: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of masks that are the same nucleus.

    They are where they share more pixels than `same` times an area. This area is

    - of two whole masks, or two cut ones of one tile, the smaller one;
    - of a whole mask and a cut one, the cut one: a piece lies in the nucleus it is a piece of,
      while a speck in a large piece is no reason to give up the piece;
    - of two cut masks of different tiles, the larger one, counting only pixels that both tiles
      cover: what both see of one nucleus is the same, and pieces of neighbours must not be united.

    Args:
        masks: sorted.
        cut: (P,) bool; none is whole behind one that is cut.
        same: share of the area, in [0, 1).

    Returns:
        (K, 2) int64, indices, the smaller first; (K,) float64, the share of the area; and (P,)
        bool, masks that are several others taken for one, see `find_merged`.
    """
    pairs = find_pairs(masks)
    first, second = pairs.T
    windows = _intersect(masks.bounds[first], masks.bounds[second])
    smaller = np.minimum(*masks.area[pairs].T)
    apart = masks.part[first] != masks.part[second]
    area = np.where(cut[second] & ~cut[first], masks.area[second], smaller)
    common = _intersect(masks.tile[first], masks.tile[second])
    both_cut = cut[first] & apart  # cut ones come last
    windows[both_cut] = _intersect(windows, common)[both_cut]
    for k in np.flatnonzero(both_cut):
        seen = (np.count_nonzero(masks.crop(i, common[k].tolist())) for i in pairs[k])
        area[k] = max(*seen, 1)
    shared = np.array(
        [
            np.count_nonzero(masks.crop(i, window) & masks.crop(j, window))
            for (i, j), window in zip(pairs.tolist(), windows.tolist(), strict=True)
        ],
        np.float64,
    )
    share = shared / area
    repeats = share > same
    return pairs[repeats], share[repeats], find_merged(pairs, shared, masks.area, cut)


def find_merged(
    pairs: np.ndarray, shared: np.ndarray, area: np.ndarray, cut: np.ndarray
) -> np.ndarray:
    """Masks that are several others taken for one.

    Such a mask holds two or more smaller, whole ones that lie in it, hardly overlap, and together
    cover most of it. Of a nucleus found twice, or with a speck in it, none of that holds.

    Args:
        pairs: (K, 2) int64.
        shared: (K,) px that the two have in common.
        area: (P,) px.
        cut: (P,) bool, masks that an edge of their tile cuts: what is cut of one is no nucleus.

    Returns:
        (P,) bool.
    """
    both = np.concatenate([pairs, pairs[:, ::-1]])
    common = np.concatenate([shared, shared])
    large, small = both.T
    inside = (common > INSIDE * area[small]) & (common > PART * area[large])
    inside &= (area[small] < INSIDE * area[large]) & ~cut[small]
    merged = np.zeros(len(area), bool)
    table = dict(zip(map(tuple, pairs.tolist()), shared.tolist(), strict=True))
    held: dict[int, list[tuple[int, float]]] = {}
    for whole, part, pixels in zip(large[inside], small[inside], common[inside], strict=True):
        held.setdefault(int(whole), []).append((int(part), float(pixels)))
    for whole, parts in held.items():
        chosen: list[tuple[int, float]] = []
        for part, pixels in sorted(parts):
            overlaps = (
                table.get((min(part, other), max(part, other)), 0.0) / min(area[part], area[other])
                for other, _ in chosen
            )
            if all(overlap < APART for overlap in overlaps):
                chosen.append((part, pixels))
        covered = sum(pixels for _, pixels in chosen)
        merged[whole] = len(chosen) > 1 and covered > EXPLAINED * area[whole]
    return merged


def find_pairs(masks: Masks) -> np.ndarray:
    """Pairs of masks whose bounds overlap, in time linear in masks and area.

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
    cell = cell[later]
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
