"""Intensities on a common scale, from percentiles of the whole field."""

from __future__ import annotations

import numpy as np

CEILING = 2.0  # a saturated speck must not drive the network out of the range it was trained in


def normalise(pixels: np.ndarray, low: float = 1.0, high: float = 99.8) -> np.ndarray:
    """Map the low percentile to 0 and the high one to 1.

    Args:
        pixels: (H, W) of any integer or float type, finite.
        low: percentile in [0, 100).
        high: percentile in (low, 100].

    Returns:
        (H, W) float32, clipped to [-0.5, `CEILING`]; zeros for a constant image.
    """
    bottom, top = np.percentile(pixels, (low, high))
    if top <= bottom:  # nuclei fill less than the share above `high`, or a constant image
        bottom, top = float(pixels.min()), float(pixels.max())
    if top <= bottom:
        return np.zeros(pixels.shape, np.float32)
    scaled = (pixels.astype(np.float32) - np.float32(bottom)) * np.float32(1 / (top - bottom))
    return np.clip(scaled, -0.5, CEILING)
