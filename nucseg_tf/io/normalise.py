"""Intensities on a common scale, from percentiles of the whole field."""

from __future__ import annotations

import numpy as np

COUNTABLE = 2**24  # OpenCV counts in float32
CEILING = 2.0  # a saturated speck must not drive the network out of the range it was trained in


Limits = tuple[float, float]  # intensities that become 0 and 1


def find_limits(pixels: np.ndarray, low: float = 1.0, high: float = 99.8) -> Limits | None:
    """The intensities at two percentiles of a whole field.

    Args:
        pixels: (H, W) of any integer or float type, finite.
        low: percentile in [0, 100).
        high: percentile in (low, 100].

    Returns:
        Both; the least and the largest where the two are equal; None for a constant field.
    """
    bottom, top = percentiles(pixels, (low, high))
    if top <= bottom:  # nuclei fill less than the share above `high`, or a constant image
        bottom, top = float(pixels.min()), float(pixels.max())
    return None if top <= bottom else (bottom, top)


def percentiles(pixels: np.ndarray, shares: tuple[float, ...]) -> np.ndarray:
    """As `np.percentile`, from a histogram where there can be one.

    Args:
        pixels: (H, W) of any integer or float type.
        shares: in [0, 100].

    Returns:
        As many float64.
    """
    if pixels.dtype not in (np.uint8, np.uint16) or pixels.size == 0:
        return np.percentile(pixels, shares)
    up_to = np.cumsum(_histogram(pixels))
    place = (pixels.size - 1) * np.true_divide(shares, 100)
    before = np.floor(place).astype(np.int64)
    after = np.minimum(before + 1, pixels.size - 1)
    below, above = (np.searchsorted(up_to, each, side="right") for each in (before, after))
    step, part = above - below, place - before
    # From the nearer of the two, as NumPy does: the last bit depends on it.
    return np.where(part < 0.5, below + step * part, above - step * (1 - part))


def _histogram(pixels: np.ndarray) -> np.ndarray:
    """How many pixels (H, W) have each value of uint8 or uint16, int64."""
    import cv2

    values = np.iinfo(pixels.dtype).max + 1
    counts = np.zeros(values, np.int64)
    rows = max(1, COUNTABLE // max(1, pixels.shape[1]))
    for start in range(0, len(pixels), rows):
        part = np.ascontiguousarray(pixels[start : start + rows])
        counts += cv2.calcHist([part], [0], None, [values], [0, values]).ravel().astype(np.int64)
    return counts


def stretch(pixels: np.ndarray, limits: Limits | None) -> np.ndarray:
    """Map the limits of a field to 0 and 1.

    Args:
        pixels: (h, w) of the field, or of a piece of it.
        limits: from `find_limits`.

    Returns:
        (h, w) float32, clipped to [-0.5, `CEILING`]; zeros without limits.
    """
    if limits is None:
        return np.zeros(pixels.shape, np.float32)
    bottom, top = limits
    scaled = pixels.astype(np.float32)
    scaled -= np.float32(bottom)
    scaled *= np.float32(1 / (top - bottom))
    return np.clip(scaled, -0.5, CEILING, out=scaled)


def normalise(pixels: np.ndarray, low: float = 1.0, high: float = 99.8) -> np.ndarray:
    """Map the low percentile of a whole field (H, W) to 0 and the high one to 1, float32."""
    return stretch(pixels, find_limits(pixels, low, high))
