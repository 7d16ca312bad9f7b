"""Intensities on a common scale, from percentiles of the whole field."""

from __future__ import annotations

import numpy as np

from nucseg_tf.imaging.scratch import is_mapped, strips

SAMPLE = 2**24  # pixels of which percentiles are taken where a field is larger than memory
FLOOR = -0.5
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
        bottom, top = percentiles(pixels, (0, 100))
    return None if top <= bottom else (float(bottom), float(top))


def percentiles(pixels: np.ndarray, shares: tuple[float, ...]) -> np.ndarray:
    """As `np.percentile`, from a histogram where there can be one.

    Of a field that is mapped to a file and has no histogram, pixels on a grid are looked at.

    Args:
        pixels: (H, W) of any integer or float type.
        shares: in [0, 100].

    Returns:
        As many float64.
    """
    if pixels.dtype.newbyteorder("=") not in (np.uint8, np.uint16) or pixels.size == 0:
        return np.percentile(_sample(pixels) if is_mapped(pixels) else pixels, shares)
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
    for strip in strips(pixels):  # so small that OpenCV, which counts in float32, counts right
        part = np.ascontiguousarray(strip.astype(strip.dtype.newbyteorder("="), copy=False))
        counts += cv2.calcHist([part], [0], None, [values], [0, values]).ravel().astype(np.int64)
    return counts


def _sample(pixels: np.ndarray) -> np.ndarray:
    step = max(1, round((pixels.size / SAMPLE) ** 0.5))
    return np.concatenate([strip[::step, ::step].ravel() for strip in strips(pixels)])


def stretch(pixels: np.ndarray, limits: Limits | None) -> np.ndarray:
    """Map the limits of a field to 0 and 1.

    Args:
        pixels: (h, w) of the field, or of a piece of it.
        limits: from `find_limits`.

    Returns:
        (h, w) float32, clipped to [`FLOOR`, `CEILING`]; zeros without limits.
    """
    if limits is None:
        return np.zeros(pixels.shape, np.float32)
    bottom, top = limits
    scaled = pixels.astype(np.float32)
    scaled -= np.float32(bottom)
    scaled *= np.float32(1 / (top - bottom))
    return np.clip(scaled, FLOOR, CEILING, out=scaled)


def normalise(pixels: np.ndarray, low: float = 1.0, high: float = 99.8) -> np.ndarray:
    """Map the low percentile of a whole field (H, W) to 0 and the high one to 1, float32."""
    return stretch(pixels, find_limits(pixels, low, high))
