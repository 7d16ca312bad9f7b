"""Filling of outlines, the inverse of tracing them."""

from __future__ import annotations

import numpy as np
from skimage.draw import polygon


def fill(rings, shape):
    """Even-odd filling of (row, column) corner rings: pixel (r, c) has its centre at + 0.5."""
    inside = np.zeros(shape, bool)
    for ring in rings:
        rows, columns = polygon(ring[:, 0] - 0.5, ring[:, 1] - 0.5, shape)
        inside[rows, columns] ^= True
    return inside
