"""What the network for the diameter says of an image, cell by cell, at several zooms.

H rows, W columns; a level is the image at one zoom; C cells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from nucseg_tf.imaging.raster import Raster, Resized
from nucseg_tf.imaging.resample import scaled_shape
from nucseg_tf.imaging.window import Window
from nucseg_tf.scale.window import READABLE, STRIDE, WINDOW

ZOOMS = (2.0, 1.0, 1 / 2, 1 / 4, 1 / 8)
MOST = 4  # windows of a level
LEAST = 0.08  # share of nuclei, from which a cell counts
MARGIN = 1.4  # a diameter this near to an end of what is readable is not believed
BIAS = 1.1  # of medians, on training fields: cells see the larger ones of mixed nuclei

Predict = Callable[[np.ndarray], np.ndarray]  # (B, S, S, 1) -> (B, S / STRIDE, S / STRIDE, 3)


@dataclass(frozen=True)
class Readings:
    """What cells say that are believed; all (C,).

    Attributes:
        row, column: of their centres, px of the image; beyond it where it was padded.
        side: px of the image.
        share: of nuclei in the cell.
        size: log2 of the diameter of these, px of the image.
        doubt: log of the mean error of that.
    """

    row: np.ndarray
    column: np.ndarray
    side: np.ndarray
    share: np.ndarray
    size: np.ndarray
    doubt: np.ndarray

    @property
    def certainty(self) -> np.ndarray:
        """Weight of what each says of the size."""
        return np.exp(-2 * self.doubt)

    @property
    def weight(self) -> np.ndarray:
        """The same times the number of nuclei that a cell stands for.

        Of large nuclei there are many cells for each, and a cell at a small zoom is of many pixels.
        """
        return self.certainty * self.share * np.exp2(-2 * self.size) * self.side**2

    def quantiles(self, at: list[float], where: np.ndarray | None = None) -> np.ndarray | None:
        """Weighted quantiles of log2 of the diameters, of some cells; None without any."""
        weights = self.weight if where is None else self.weight * where
        if not weights.sum() > 0:
            return None
        order = np.argsort(self.size)
        weights = weights[order]
        below = (np.cumsum(weights) - weights / 2) / weights.sum()
        return np.interp(at, below, self.size[order])

    def median(self, where: np.ndarray | None = None) -> float | None:
        """Diameter of the typical nucleus, px, of some cells; None without any."""
        found = self.quantiles([0.5], where)
        return None if found is None else float(np.exp2(found[0])) / BIAS


def read(predict: Predict, image: Raster) -> Readings:
    """Look at an image.

    Args:
        predict: the network.
        image: (H, W), normalised by percentiles of the whole field.
    """
    levels = []
    for zoom in ZOOMS:
        if zoom < 1 and max(image.shape) * zoom < 2 * STRIDE:
            break
        levels.append(_read_level(predict, image, zoom))
    return Readings(*np.concatenate(levels, axis=1))


def _read_level(predict: Predict, image: Raster, zoom: float) -> np.ndarray:
    """Fields of `Readings` of one level, (6, C)."""
    level = Resized(image, scaled_shape(image.shape, zoom))
    rows, columns, windows = zip(*cut_windows(level), strict=True)
    found = predict(np.stack(windows)[..., None])
    centres = (np.arange(found.shape[1]) + 0.5) * STRIDE
    row = np.add.outer(rows, centres)[:, :, None]
    column = np.add.outer(columns, centres)[:, None]
    share = 1 / (1 + np.exp(-found[..., 0]))
    size, doubt = found[..., 1], np.clip(found[..., 2], -4, 3)
    low, high = np.log2(READABLE[0] * MARGIN), np.log2(READABLE[1] / MARGIN)
    believed = (share > LEAST) & (size > low) & (size < high)
    fields = (row / zoom, column / zoom, STRIDE / zoom, share, size - np.log2(zoom), doubt)
    return np.stack([np.broadcast_to(field, share.shape)[believed] for field in fields])


def cut_windows(level: Raster) -> Iterator[tuple[int, int, np.ndarray]]:
    """At most `MOST` windows, spread over a level; a small one is padded.

    Yields:
        First row and column, and pixels (WINDOW, WINDOW).
    """
    padding = [(0, max(0, WINDOW - length)) for length in level.shape]
    rows, columns = (_starts(max(length, WINDOW)) for length in level.shape)
    places = [(y, x) for y in rows for x in columns]
    chosen = np.unique(np.linspace(0, len(places) - 1, min(MOST, len(places))).round().astype(int))
    for index in chosen:
        y, x = places[index]
        bottom, right = min(y + WINDOW, level.shape[0]), min(x + WINDOW, level.shape[1])
        seen = level.read(Window(y, x, bottom, right, level.shape))
        if seen.shape != (WINDOW, WINDOW):
            seen = np.pad(seen, padding, "reflect" if min(seen.shape) > 1 else "edge")
        yield y, x, seen


def _starts(length: int) -> list[int]:
    count = -(-length // WINDOW)
    return np.unique(np.linspace(0, length - WINDOW, count).round().astype(int)).tolist()
