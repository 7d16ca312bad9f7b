"""Images of two bright squares."""

from __future__ import annotations

import numpy as np


def spots(*lengths: int) -> np.ndarray:
    """(..., 64, 64) uint8, two nuclei of 8 x 8 in each plane."""
    image = np.zeros((*lengths, 64, 64), np.uint8)
    image[..., 10:18, 10:18] = 200
    image[..., 40:48, 30:38] = 100
    return image
