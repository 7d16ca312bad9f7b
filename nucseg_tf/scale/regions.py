"""Images in which nuclei of one region are far larger than those of another.

H rows, W columns; r rows and c columns of a coarse grid of cells of CELL px; K kinds of regions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from nucseg_tf.scale.readings import Readings  # loads Keras

CELL = 64  # px, side of a cell
RATIO = 1.8  # of diameters, from which regions are kinds of their own
LEAST = 0.15  # share of the nuclei's area that a kind has
EXPLAINED = 0.7  # share of the variance of log2 diameters that lies between kinds
MOST = 3  # kinds


@dataclass(frozen=True)
class Regions:
    """Where in an image nuclei are how large.

    Attributes:
        diameters: (K,) of the typical nucleus of each kind of region, px, ascending.
        shares: (K,) of the nuclei's area.
        local: (r, c), log2 of the diameter (px) in each cell.
    """

    diameters: tuple[float, ...]
    shares: tuple[float, ...]
    local: np.ndarray

    def sizes_at(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Log2 of the diameters (px) seen around places, (N,) px each to (N,)."""
        places = np.stack([rows, columns]) / CELL - 0.5
        return ndimage.map_coordinates(self.local, places, order=1, mode="nearest")


def find_regions(readings: Readings, shape: tuple[int, ...]) -> Regions | None:
    """The regions of an image (H, W); None where all are of one kind, as usual.

    The local sizes are divided in two, and again, as long as that is sound: the typical nuclei of
    neighbouring kinds differ by `RATIO` or more, seen at all cells and in those alone that lie in
    such regions.
    """
    local, shares = local_sizes(readings, shape)
    known = np.isfinite(local)
    cuts: list[float] = []
    while len(cuts) < MOST - 1:
        cut = find_cut(local[known], shares[known], cuts)
        if cut is None or _typical(readings, local, sorted([*cuts, cut])) is None:
            break
        cuts = sorted([*cuts, cut])
    diameters = _typical(readings, local, cuts)
    if not cuts or diameters is None:
        return None
    kinds = np.digitize(local[known], cuts)
    areas = np.bincount(kinds, shares[known], len(cuts) + 1) / shares[known].sum()
    near = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    return Regions(tuple(diameters), tuple(areas.tolist()), local[tuple(near)])


def local_sizes(readings: Readings, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """What the cells of an image (H, W) hold.

    Returns:
        (r, c) log2 of the diameter, px, NaN where no nuclei are seen; and the share of nuclei.
    """
    cells = (-(-shape[0] // CELL), -(-shape[1] // CELL))
    sums = np.zeros((3, *cells))
    for side in np.unique(readings.side):
        at = readings.side == side
        weight = (readings.share * readings.certainty)[at] * min(1.0, side / CELL) ** 2
        values = weight * np.stack([np.ones(at.sum()), readings.size[at], readings.share[at]])
        parts = max(1, round(side / CELL))  # a reading of more than a cell counts in each of these
        for down, along in np.ndindex(parts, parts):
            row = _cells(readings.row[at] + ((down + 0.5) / parts - 0.5) * side)
            column = _cells(readings.column[at] + ((along + 0.5) / parts - 0.5) * side)
            inside = (row < cells[0]) & (column < cells[1])
            cell = row[inside] * cells[1] + column[inside]
            for total, value in zip(sums, values[:, inside], strict=True):
                total += np.bincount(cell, value, total.size).reshape(cells)
    weights, sizes, shares = sums
    with np.errstate(invalid="ignore"):
        return sizes / weights, shares / weights


def find_cut(sizes: np.ndarray, shares: np.ndarray, cuts: list[float]) -> float | None:
    """Where to divide a part of local sizes, so that least variance is left within.

    Args:
        sizes: (C,) log2 of diameters.
        shares: (C,) of nuclei.
        cuts: made before, ascending.

    Returns:
        A size between those of two kinds; None if no part falls into two, see `LEAST`, `RATIO` and
        `EXPLAINED`.
    """
    kinds, all_shares = np.digitize(sizes, cuts), shares.sum()
    for kind in range(len(cuts) + 1):
        order = np.argsort(sizes[kinds == kind])
        part, share = sizes[kinds == kind][order], shares[kinds == kind][order]
        if len(part) < 2:
            continue
        low, all_low = np.cumsum(share), np.cumsum(share * part)
        low, high = low[:-1], low[-1] - low[:-1]
        small, large = all_low[:-1] / low, (all_low[-1] - all_low[:-1]) / high
        between = low * high / (low + high) * (large - small) ** 2
        best = int(np.argmax(between))
        variance = (share * (part - np.average(part, weights=share)) ** 2).sum()
        if (
            large[best] - small[best] >= np.log2(RATIO)
            and min(low[best], high[best]) >= LEAST * all_shares
            and between[best] >= EXPLAINED * variance
        ):
            return float(part[best] + part[best + 1]) / 2
    return None


def _typical(readings: Readings, local: np.ndarray, cuts: list[float]) -> list[float] | None:
    """Diameter of the typical nucleus of each kind, px; None if two hardly differ."""
    row, column = _cells(readings.row), _cells(readings.column)
    inside = (row < local.shape[0]) & (column < local.shape[1])
    size = np.full(len(row), np.nan)
    size[inside] = local[row[inside], column[inside]]
    kinds = np.where(np.isfinite(size), np.digitize(size, cuts), -1)
    found = [readings.median(kinds == kind) for kind in range(len(cuts) + 1)]
    diameters = [diameter for diameter in found if diameter is not None]
    if len(diameters) < len(found) or (np.divide(diameters[1:], diameters[:-1]) < RATIO).any():
        return None
    return diameters


def _cells(places: np.ndarray) -> np.ndarray:
    return np.floor(places / CELL).astype(int)
