"""From the detections of an image's tiles to its nuclei. H rows, W columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nucseg_tf.families.mask_rcnn.config import Detect
from nucseg_tf.families.mask_rcnn.paste import Detections
from nucseg_tf.families.mask_rcnn.stitch import stitch
from nucseg_tf.types import Instances


def decode(parts: Sequence[Detections], shape: tuple[int, int], thresholds: Detect) -> Instances:
    """The nuclei of an image (H, W)."""
    return stitch(
        [_at_least(part, thresholds.score) for part in parts],
        shape,
        threshold=thresholds.mask,
        same=thresholds.same,
        min_area=thresholds.min_area,
        max_area=thresholds.max_area,
    )


def rescale(parts: Sequence[Detections], shape: tuple[int, int], zoom: float) -> list[Detections]:
    """Undo a zoom: from detections in the zoomed image to those in the image (H, W) itself."""
    zoomed = [max(1, round(length * zoom)) for length in shape]
    back = np.divide(shape, zoomed)[[0, 1, 0, 1]]  # so that the image's edge stays the edge
    found = []
    for part in parts:
        y0, x0, y1, x1 = np.rint(part.tile * back).astype(int).tolist()
        boxes = (part.boxes * back).astype(np.float32)
        found.append(Detections(boxes, part.scores, part.masks, (y0, x0, y1, x1)))
    return found


def _at_least(part: Detections, score: float) -> Detections:
    kept = part.scores >= score
    return Detections(part.boxes[kept], part.scores[kept], part.masks[kept], part.tile)
