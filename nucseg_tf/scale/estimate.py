"""From windows of an image at several zooms to the diameter of its nuclei.

H rows, W columns; a level is the image at one zoom.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from nucseg_tf.imaging.tiling import resize
from nucseg_tf.scale.window import READABLE, STRIDE, WINDOW

ZOOMS = (2.0, 1.0, 1 / 2, 1 / 4, 1 / 8)
MOST = 4  # windows of a level
LEAST = 0.08  # share of nuclei, from which a cell counts
BIAS = 1.05  # of the answer, on training fields: cells see the larger ones of mixed nuclei
MARGIN = 1.4  # a diameter this near to an end of what is readable is not believed

Predict = Callable[[np.ndarray], np.ndarray]  # (B, S, S, 1) -> (B, S / STRIDE, S / STRIDE, 3)


@dataclass(frozen=True)
class Diameter:
    """What an image says of its nuclei.

    Attributes:
        median: diameter of the typical nucleus, px.
        doubt: spread of the estimates as a factor, 1 or more; 1.2 is within 20 %.
    """

    median: float
    doubt: float


def estimate(predict: Predict, image: np.ndarray) -> Diameter | None:
    """The diameter of the typical nucleus of an image.

    Args:
        predict: the network.
        image: (H, W) float32, normalised by percentiles of the whole field.

    Returns:
        The diameter; None where no nuclei are seen.
    """
    logs, weights = [], []
    for zoom in ZOOMS:
        if zoom < 1 and max(image.shape) * zoom < 2 * STRIDE:
            break
        share, size, doubt = read_level(predict, image, zoom)
        low, high = np.log2(READABLE[0] * MARGIN), np.log2(READABLE[1] / MARGIN)
        believed = (share > LEAST) & (size > low) & (size < high)
        native = size[believed] - np.log2(zoom)
        # Cells of large nuclei are many for each; a cell at a small zoom stands for many pixels.
        count = share[believed] * np.exp2(-2 * native) / zoom**2
        logs.append(native)
        weights.append(count * np.exp(-2 * doubt[believed]))
    return combine(np.concatenate(logs), np.concatenate(weights))


def combine(logs: np.ndarray, weights: np.ndarray) -> Diameter | None:
    """Weighted median of log2 of diameters, and how far they lie around it; None without any."""
    if not weights.sum() > 0:
        return None
    order = np.argsort(logs)
    logs, weights = logs[order], weights[order]
    below = (np.cumsum(weights) - weights / 2) / weights.sum()
    median = np.interp(0.5, below, logs)
    quarter, rest = np.interp([0.25, 0.75], below, logs)
    return Diameter(float(np.exp2(median)) / BIAS, float(np.exp2((rest - quarter) / 2)))


def read_level(
    predict: Predict, image: np.ndarray, zoom: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Share of nuclei, log2 of their diameter (px at this zoom) and doubt of all cells seen."""
    level = resize(image, zoom)
    windows = np.stack(list(cut_windows(level)))
    found = predict(windows[..., None])
    share = 1 / (1 + np.exp(-found[..., 0]))
    return share.ravel(), found[..., 1].ravel(), np.clip(found[..., 2], -4, 3).ravel()


def cut_windows(level: np.ndarray) -> Iterator[np.ndarray]:
    """At most `MOST` windows (WINDOW, WINDOW), spread over a level; a small one is padded."""
    padding = [(0, max(0, WINDOW - length)) for length in level.shape]
    if any(after for _, after in padding):
        level = np.pad(level, padding, "reflect" if min(level.shape) > 1 else "edge")
    rows, columns = (_starts(length) for length in level.shape)
    places = [(y, x) for y in rows for x in columns]
    chosen = np.unique(np.linspace(0, len(places) - 1, min(MOST, len(places))).round().astype(int))
    for index in chosen:
        y, x = places[index]
        yield level[y : y + WINDOW, x : x + WINDOW]


def _starts(length: int) -> list[int]:
    count = -(-length // WINDOW)
    return np.unique(np.linspace(0, length - WINDOW, count).round().astype(int)).tolist()
