"""Anchors: the boxes that the region proposal network starts from.

A  anchors of one image: level after level, row after row, column after column, then by ratio
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from keras import ops


def anchors_of(
    height, width, strides: Sequence[int], sizes: Sequence[float], ratios: Sequence[float]
):
    """Anchors of an image.

    Args:
        height: of the image, a multiple of the strides; px. A number, or a tensor of one.
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
        middles = [
            (ops.cast(ops.arange(length // stride), "float32") + 0.5) * stride
            for length in (height, width)
        ]
        grid = ops.reshape(ops.stack(ops.meshgrid(*middles, indexing="ij"), -1), (-1, 1, 2))
        root = np.sqrt(np.asarray(ratios, np.float64))
        half = (0.5 * size * np.stack([1 / root, root], -1)).astype(np.float32)  # (ratios, 2)
        found.append(ops.reshape(ops.concatenate([grid - half, grid + half], -1), (-1, 4)))
    return ops.concatenate(found, 0)
