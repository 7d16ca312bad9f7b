"""Anchors: the boxes that the region proposal network starts from.

A  anchors of one image: level after level, row after row, column after column, then by ratio
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def anchors_of(
    height: int, width: int, strides: Sequence[int], sizes: Sequence[float], ratios: Sequence[float]
) -> np.ndarray:
    """Anchors of an image.

    Args:
        height: of the image, a multiple of the strides; px.
        width: likewise.
        strides: px between anchors on each level, finest first.
        sizes: root of the area of the anchors of each level, px.
        ratios: of width to height.

    Returns:
        (A, 4) float32 boxes, px, centred on the middles of the cells; they may reach beyond the
        image.
    """
    found = []
    for stride, size in zip(strides, sizes, strict=True):
        rows = (np.arange(height // stride) + 0.5) * stride
        columns = (np.arange(width // stride) + 0.5) * stride
        root = np.sqrt(np.asarray(ratios, np.float64))
        half = 0.5 * size * np.stack([1 / root, root], -1)  # (ratios, 2)
        grid = np.stack(np.meshgrid(rows, columns, indexing="ij"), -1).reshape(-1, 1, 2)
        found.append(np.concatenate([grid - half, grid + half], -1).reshape(-1, 4))
    return np.concatenate(found).astype(np.float32)
