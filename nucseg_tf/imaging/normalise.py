"""Intensities on a common scale, from percentiles of the whole field."""

from __future__ import annotations

import numpy as np

from nucseg_tf.imaging.scratch import is_mapped, strips

SAMPLE = 2**24  # pixels of which percentiles are taken where a field is larger than memory
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
    least, *shares, most = _percentiles(pixels, (0, low, high, 100))
    bottom, top = shares
    if top <= bottom:  # nuclei fill less than the share above `high`, or a constant image
        bottom, top = least, most
    return None if top <= bottom else (bottom, top)


def _percentiles(pixels: np.ndarray, shares: tuple[float, ...]) -> list[float]:
    """Percentiles as NumPy has them; of mapped files with other than 8 or 16 bits, of a sample."""
    if pixels.dtype.kind in "iu" and pixels.dtype.itemsize <= 2:
        return _of_histogram(pixels, shares)
    if is_mapped(pixels):
        step = max(1, round((pixels.size / SAMPLE) ** 0.5))
        parts = [strip[:: min(step, len(strip)), ::step].ravel() for strip in strips(pixels)]
        pixels = np.concatenate(parts)
    return [float(value) for value in np.percentile(pixels, shares)]


def _of_histogram(pixels: np.ndarray, shares: tuple[float, ...]) -> list[float]:
    """Percentiles of whole numbers of at most 16 bits, from how often each occurs."""
    least = int(np.iinfo(pixels.dtype).min)
    count = np.zeros(2 ** (8 * pixels.dtype.itemsize), np.int64)
    for strip in strips(pixels):
        values = strip.ravel() if least == 0 else strip.ravel().astype(np.int64) - least
        count += np.bincount(values, minlength=len(count))
    below = np.cumsum(count)
    found = []
    for share in shares:
        place = share / 100 * (pixels.size - 1)
        first = int(place)
        value, after = np.searchsorted(below, (first, min(first + 1, pixels.size - 1)), "right")
        found.append(float(least + value + (place - first) * (after - value)))
    return found


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
    scaled = (pixels.astype(np.float32) - np.float32(bottom)) * np.float32(1 / (top - bottom))
    return np.clip(scaled, -0.5, CEILING)


def normalise(pixels: np.ndarray, low: float = 1.0, high: float = 99.8) -> np.ndarray:
    """Map the low percentile of a whole field (H, W) to 0 and the high one to 1, float32."""
    return stretch(pixels, find_limits(pixels, low, high))
