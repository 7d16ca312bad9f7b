"""Intensities on a common scale, from percentiles of the whole field."""

from __future__ import annotations

import numpy as np

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
    bottom, top = np.percentile(pixels, (low, high))
    if top <= bottom:  # nuclei fill less than the share above `high`, or a constant image
        bottom, top = float(pixels.min()), float(pixels.max())
    return None if top <= bottom else (bottom, top)


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
