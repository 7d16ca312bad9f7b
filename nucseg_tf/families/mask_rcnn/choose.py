"""From scored boxes to the best that do not repeat each other: in NumPy, of one tile.

D boxes (y0, x0, y1, x1), float32 px, half-open. `nms` and `proposals` do the same in `keras.ops`,
for training, where all ROIs have as many boxes.
"""

from __future__ import annotations

import numpy as np

from nucseg_tf.families.mask_rcnn.config import SMALLEST_SIDE


def choose(
    boxes: np.ndarray, logits: np.ndarray, size: tuple[int, ...], overlap: float, looked_at: int
) -> tuple[np.ndarray, np.ndarray]:
    """The best boxes that overlap no better one too much, cut off at the edges of the tile.

    Args:
        boxes: (D, 4).
        logits: (D,).
        size: height and width of the tile, px.
        overlap: IoU above which the worse of two is dropped.
        looked_at: boxes at most, those of the highest logits.

    Returns:
        Boxes and logits of those that stay, the best first.
    """
    order = np.argsort(-logits, kind="stable")[:looked_at]
    found = np.clip(boxes[order], 0, np.array([*size, *size], np.float32))
    large = (found[:, 2:] - found[:, :2]).min(axis=1) >= SMALLEST_SIDE
    found, order = found[large], order[large]
    kept = suppress(found, overlap)
    return found[kept], logits[order[kept]]


def suppress(boxes: np.ndarray, overlap: float) -> np.ndarray:
    """Greedy non-maximum suppression.

    Args:
        boxes: (D, 4), the best first, none without area.
        overlap: IoU above which the worse of two is dropped.

    Returns:
        Indices of the boxes that stay, rising.
    """
    kept = []
    left = np.arange(len(boxes))
    while left.size:
        best, left = left[0], left[1:]
        kept.append(best)
        left = left[iou(boxes[best], boxes[left]) <= overlap]
    return np.array(kept, np.intp)


def iou(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of one box (4,) with others (D, 4); (D,) in [0, 1]."""
    y0, x0, y1, x1 = others.T
    tall = np.minimum(box[2], y1) - np.maximum(box[0], y0)
    wide = np.minimum(box[3], x1) - np.maximum(box[1], x0)
    shared = np.maximum(tall, 0) * np.maximum(wide, 0)
    area = (box[2] - box[0]) * (box[3] - box[1])
    return shared / np.maximum(area + (y1 - y0) * (x1 - x0) - shared, 1e-6)
