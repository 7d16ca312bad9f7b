"""Boxes: overlap, coding as offsets, clipping.

B images, A anchors or any other boxes, G other boxes; boxes (y0, x0, y1, x1), float32 px,
half-open, so that the area is (y1 - y0) * (x1 - x0). Leading axes broadcast.
"""

from __future__ import annotations

import math

from keras import ops

# Offsets are divided by these, so that their spread is about 1 (Girshick, "Fast R-CNN", 2015).
SPREAD = (0.1, 0.1, 0.2, 0.2)
LARGEST_LOG = math.log(
    1000.0 / 16.0
)  # a side never grows by more than this, so exp cannot overflow
SMALLEST = 1e-3  # px; sides below count as this much


def areas(boxes):
    """Areas (..., A) of boxes (..., A, 4); 0 where a side is negative."""
    sides = ops.maximum(boxes[..., 2:] - boxes[..., :2], 0.0)
    return sides[..., 0] * sides[..., 1]


def iou(first, second):
    """Intersection over union of all pairs.

    Args:
        first: (..., A, 4).
        second: (..., G, 4).

    Returns:
        (..., A, G) in [0, 1]; 0 for boxes without area.
    """

    def side(axis: int):  # one axis after the other: a last axis of two is slow
        low = ops.maximum(first[..., :, None, axis], second[..., None, :, axis])
        high = ops.minimum(first[..., :, None, axis + 2], second[..., None, :, axis + 2])
        return ops.maximum(high - low, 0.0)

    shared = side(0) * side(1)
    total = ops.expand_dims(areas(first), -1) + ops.expand_dims(areas(second), -2) - shared
    return shared / ops.maximum(total, SMALLEST**2)


def _centres_and_sides(boxes):
    sides = ops.maximum(boxes[..., 2:] - boxes[..., :2], SMALLEST)
    return boxes[..., :2] + 0.5 * sides, sides


def encode(boxes, anchors):
    """What takes anchors to boxes: moved centres over the anchor's sides, logarithms of sides.

    Source: Ren et al., "Faster R-CNN" (2015), equation 2, divided by `SPREAD`.

    Args:
        boxes: (..., A, 4).
        anchors: (..., A, 4).

    Returns:
        (..., A, 4) offsets (dy, dx, dh, dw).
    """
    centres, sides = _centres_and_sides(boxes)
    from_centres, from_sides = _centres_and_sides(anchors)
    offsets = [(centres - from_centres) / from_sides, ops.log(sides / from_sides)]
    return ops.concatenate(offsets, -1) / ops.array(SPREAD)


def decode(offsets, anchors):
    """The inverse of `encode`; (..., A, 4) offsets and anchors to (..., A, 4) boxes."""
    offsets = offsets * ops.array(SPREAD)
    centres, sides = _centres_and_sides(anchors)
    centres = centres + offsets[..., :2] * sides
    sides = sides * ops.exp(ops.clip(offsets[..., 2:], -LARGEST_LOG, LARGEST_LOG))
    return ops.concatenate([centres - 0.5 * sides, centres + 0.5 * sides], -1)


def clip(boxes, height: int, width: int):
    """Boxes (..., A, 4) cut off at the edges of an image of (height, width) px."""
    limits = ops.array([height, width, height, width], "float32")
    return ops.clip(boxes, 0.0, limits)
