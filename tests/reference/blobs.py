"""Random shapes as label images."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage.measure import label


def blobs(seed: int, sigma: float, shape: tuple[int, int] = (180, 240)) -> np.ndarray:
    """Smooth random shapes of all sizes, those at the edge and single pixels included."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), sigma)
    return label(noise > 0.4 * noise.std(), connectivity=1).astype(np.int32)
