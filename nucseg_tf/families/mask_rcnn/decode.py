"""From the detections of an image's tiles to its nuclei. H rows, W columns of a window of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nucseg_tf.families.mask_rcnn.config import Detect
from nucseg_tf.families.mask_rcnn.paste import Detections
from nucseg_tf.families.mask_rcnn.stitch import stitch
from nucseg_tf.imaging.window import Window
from nucseg_tf.types import Instances


def decode(parts: Sequence[Detections], window: Window, thresholds: Detect) -> Instances:
    """The nuclei of a window (H, W) of the image."""
    return stitch(
        [_within(part, window, thresholds.score) for part in parts],
        window,
        threshold=thresholds.mask,
        same=thresholds.same,
        min_area=thresholds.min_area,
        max_area=thresholds.max_area,
    )


def rescale(
    parts: Sequence[Detections], seen: tuple[int, int], shape: tuple[int, int]
) -> list[Detections]:
    """Undo a zoom: from detections in an image of size (h, w) to those in it as (H, W)."""
    back = np.divide(shape, seen)[[0, 1, 0, 1]]  # so that the image's edge stays the edge
    found = []
    for part in parts:
        y0, x0, y1, x1 = np.rint(part.tile * back).astype(int).tolist()
        boxes = (part.boxes * back).astype(np.float32)
        found.append(Detections(boxes, part.scores, part.masks, (y0, x0, y1, x1)))
    return found


def _within(part: Detections, window: Window, score: float) -> Detections:
    """What of a tile has a score and reaches into a window."""
    boxes = part.boxes
    kept = (part.scores >= score) & (boxes[:, 0] < window.bottom) & (boxes[:, 2] > window.top)
    kept &= (boxes[:, 1] < window.right) & (boxes[:, 3] > window.left)
    return Detections(boxes[kept], part.scores[kept], part.masks[kept], part.tile)
