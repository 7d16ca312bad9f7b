"""From what a hand draws to masks of pixels.

Points are (row, column) in the field's coordinates: pixel (r, c) covers r to r + 1 and c to c + 1.
"""

from __future__ import annotations

import numpy as np

from nucseg_tf.io.boxes import Box, clip_box, grown, shape_of

CRUMB = 4  # px; a piece of fewer is no nucleus


def stroke_mask(points: np.ndarray, size: int, shape: tuple[int, ...]) -> tuple[Box, np.ndarray]:
    """Pixels that a round brush covers on its way.

    Args:
        points: (N, 2) float, at least one.
        size: diameter of the brush in px; 1 covers the pixels that the way passes.
        shape: (H, W) of the field.

    Returns:
        box: the part of the field concerned.
        mask: bool, of the shape of the box.
    """
    import cv2

    places = np.floor(points).astype(np.int64)
    low, high = places.min(0), places.max(0) + 1
    near = grown((0, 0, shape[0], shape[1]), size)
    # Drawn in a frame with a margin, so that a stroke outside the field still reaches into it.
    frame = _overlap(grown((*low.tolist(), *high.tolist()), size), near)
    box = clip_box(frame, shape)
    if 0 in shape_of(box):
        return box, np.zeros(shape_of(box), bool)
    line = np.full(shape_of(frame), 255, np.uint8)
    ends = (places - frame[:2])[:, ::-1].astype(np.int32).reshape(-1, 1, 2)
    ends = np.concatenate((ends, ends[-1:]))  # a single point is a line too
    cv2.polylines(line, [ends], False, 0, 1, cv2.LINE_8)
    mask = line == 0
    if size > 1:
        away = cv2.distanceTransform(line, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        mask = away < size / 2
    y, x = box[0] - frame[0], box[1] - frame[1]
    rows, columns = shape_of(box)
    return box, mask[y : y + rows, x : x + columns]


def piece_sizes(numbered: np.ndarray) -> np.ndarray:
    """Pixels of pieces 1..N: (N,)."""
    return np.bincount(numbered.ravel(), minlength=1)[1:]


def _overlap(box: Box, other: Box) -> Box:
    y0, x0 = max(box[0], other[0]), max(box[1], other[1])
    return y0, x0, max(y0, min(box[2], other[2])), max(x0, min(box[3], other[3]))
