"""Whether something grows: a robust line through what was seen, as a number with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

START = 0.2  # share of the images at the beginning that are left out: caches fill there
BINS = 40  # of what remains; one value each, so that neighbours in time count once
THOUSAND = 1000


@dataclass(frozen=True)
class Trend:
    """Growth per 1,000 images.

    Attributes:
        slope: median of the slopes between all pairs of bins (Theil and Sen).
        low, high: its interval, 95 %, as if the bins were independent.
        level: median of the bins.
    """

    slope: float
    low: float
    high: float
    level: float


def binned(done: Sequence[float], values: Sequence[float], bins: int, start: float) -> np.ndarray:
    """Medians of `done` and `values` (2, B) in bins of equal numbers of images.

    Args:
        done: images at each sample, rising.
        values: at the same.
        bins: how many at most; those without samples are left out.
        start: share of the images that is left out at the beginning.
    """
    x, y = np.asarray(done, float), np.asarray(values, float)
    edges = np.linspace(start * x.max(), x.max(), bins + 1)
    place = np.searchsorted(edges, x, side="right") - 1
    place[x == x.max()] = bins - 1
    kept = [place == number for number in range(bins) if (place == number).any()]
    return np.array([[np.median(x[k]) for k in kept], [np.median(y[k]) for k in kept]])


def find_trend(done: Sequence[float], values: Sequence[float], start: float = START) -> Trend:
    """Growth over the images after the first ones.

    Raises:
        ValueError: samples of fewer than three bins, through which no line can be laid.
    """
    from scipy.stats import theilslopes

    x, y = binned(done, values, BINS, start)
    if len(x) < 3:
        raise ValueError(f"expected samples in three bins at least. Received: {len(x)}")
    slope, _, low, high = theilslopes(y, x, alpha=0.95)
    return Trend(slope * THOUSAND, low * THOUSAND, high * THOUSAND, float(np.median(y)))
