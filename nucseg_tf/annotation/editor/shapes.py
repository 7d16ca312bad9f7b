"""From what a hand draws to masks of pixels.

Points are (row, column) in the field's coordinates: pixel (r, c) covers r to r + 1 and c to c + 1.
"""

from __future__ import annotations

import numpy as np

from nucseg_tf.annotation.editor.message import EditError
from nucseg_tf.annotation.editor.patches import Box, clip_box, grown, shape_of


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


def polygon_mask(
    points: np.ndarray, shape: tuple[int, ...], most: int = 50_000_000
) -> tuple[Box, np.ndarray]:
    """Pixels whose centres lie in a polygon, by the even-odd rule.

    Args:
        points: (N, 2) float, its corners in order.
        shape: (H, W) of the field.
        most: crossings of edges with rows; bounds the memory to fill it.

    Returns:
        box: the part of the field concerned.
        mask: bool, of the shape of the box.

    Raises:
        EditError: there are more crossings.
    """
    low, high = np.floor(points.min(0)).astype(int), np.ceil(points.max(0)).astype(int)
    box = clip_box((*low.tolist(), *high.tolist()), shape)
    rows, columns = shape_of(box)
    # Each edge that passes the height of a row of pixel centres toggles all pixels right of it.
    y0, x0 = (points - box[:2]).T
    y1, x1 = np.roll(y0, -1), np.roll(x0, -1)
    first = np.clip(np.ceil(np.minimum(y0, y1) - 0.5), 0, rows).astype(int)
    last = np.clip(np.ceil(np.maximum(y0, y1) - 0.5), 0, rows).astype(int)
    spans = last - first
    if spans.sum() > most:
        raise EditError(
            "this outline goes up and down too often; draw it with fewer corners. Received: "
            f"{len(points)} corners, {spans.sum():,} crossings of rows, above {most:,}"
        )
    edge = np.repeat(np.arange(len(points)), spans)
    row = np.arange(spans.sum()) - np.repeat(np.cumsum(spans) - spans, spans) + first[edge]
    slope = (row + 0.5 - y0[edge]) / (y1 - y0)[edge]
    crossing = x0[edge] + slope * (x1 - x0)[edge]
    column = np.clip(np.ceil(crossing - 0.5), 0, columns).astype(int)
    toggles = np.zeros((rows, columns + 1), np.int32)
    np.add.at(toggles, (row, column), 1)
    return box, np.cumsum(toggles, axis=1)[:, :columns] % 2 == 1


def pieces(mask: np.ndarray, connectivity: int = 8) -> np.ndarray:
    """The pieces of a mask numbered from 1: int32 of its shape, 0 outside."""
    import cv2

    return cv2.connectedComponents(mask.astype(np.uint8), connectivity=connectivity)[1]


def piece_sizes(numbered: np.ndarray) -> np.ndarray:
    """Pixels of pieces 1..N: (N,)."""
    return np.bincount(numbered.ravel(), minlength=1)[1:]


def _overlap(box: Box, other: Box) -> Box:
    y0, x0 = max(box[0], other[0]), max(box[1], other[1])
    return y0, x0, max(y0, min(box[2], other[2])), max(x0, min(box[3], other[3]))
