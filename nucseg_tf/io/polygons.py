"""Polygons as masks of pixels.

Points are (row, column) in the field's coordinates: pixel (r, c) covers r to r + 1 and c to c + 1.
"""

from __future__ import annotations

import math

import numpy as np

from nucseg_tf.errors import LabelError
from nucseg_tf.io.boxes import Box, clip_box, shape_of

FINE = 0.01  # px, from a curve to the corners that stand for it
MOST_CORNERS = 4096  # of one curve


def polygon_mask(
    points: np.ndarray, shape: tuple[int, ...], most: int = 5_000_000
) -> tuple[Box, np.ndarray]:
    """Pixels whose centres lie in a polygon, by the even-odd rule; as of `windings`.

    Returns:
        box: the part of the field concerned.
        mask: bool, of the shape of the box.
    """
    box, turns = windings(points, shape, most)
    return box, turns % 2 == 1


def windings(
    points: np.ndarray, shape: tuple[int, ...], most: int = 5_000_000
) -> tuple[Box, np.ndarray]:
    """How often a polygon goes round the centre of each pixel; odd is inside by even-odd.

    Args:
        points: (N, 2) float, its corners in order.
        shape: (H, W) of the field.
        most: crossings of edges with rows; bounds the memory to fill it.

    Returns:
        box: the part of the field concerned.
        turns: int32, of the shape of the box; one way round counts up, the other down.

    Raises:
        LabelError: there are more crossings.
    """
    box = box_of(points, shape)
    rows, columns = shape_of(box)
    # Each edge that passes the height of a row of pixel centres counts for all pixels right of it.
    y0, x0 = (points - box[:2]).T
    y1, x1 = np.roll(y0, -1), np.roll(x0, -1)
    first = np.clip(np.ceil(np.minimum(y0, y1) - 0.5), 0, rows).astype(int)
    last = np.clip(np.ceil(np.maximum(y0, y1) - 0.5), 0, rows).astype(int)
    spans = last - first
    if spans.sum() > most:
        raise LabelError(
            "this outline goes up and down too often; draw it with fewer corners. Received: "
            f"{len(points)} corners, {spans.sum():,} crossings of rows, above {most:,}"
        )
    edge = np.repeat(np.arange(len(points)), spans)
    row = np.arange(spans.sum()) - np.repeat(np.cumsum(spans) - spans, spans) + first[edge]
    slope = (row + 0.5 - y0[edge]) / (y1 - y0)[edge]
    crossing = x0[edge] + slope * (x1 - x0)[edge]
    column = np.clip(np.ceil(crossing - 0.5), 0, columns).astype(int)
    turns = np.zeros((rows, columns + 1), np.int32)
    np.add.at(turns, (row, column), np.where(y1 > y0, 1, -1)[edge])
    return box, np.cumsum(turns, axis=1, out=turns)[:, :columns]


def box_of(points: np.ndarray, shape: tuple[int, ...]) -> Box:
    """The part of a field of (H, W) in which (N, 2) points lie."""
    low, high = np.floor(points.min(0)).astype(int), np.ceil(points.max(0)).astype(int)
    return clip_box((*low.tolist(), *high.tolist()), shape)


def ellipse(
    centre: tuple[float, float], radii: tuple[float, float], turn: float = 0.0
) -> np.ndarray:
    """Corners of an ellipse, nowhere further than `FINE` from it.

    Args:
        centre: (row, column).
        radii: along the rows' axis and the columns', px, above 0.
        turn: radians, clockwise on the screen.

    Returns:
        (N, 2) float (row, column).

    >>> ellipse((5, 7), (2, 3)).mean(0).round(6).tolist()
    [5.0, 7.0]
    """
    sine = min(1.0, FINE / max(radii))
    count = min(max(8, math.ceil(math.pi / math.acos(1 - sine))), MOST_CORNERS)
    angles = np.arange(count) * (2 * np.pi / count)
    down, right = radii[0] * np.sin(angles), radii[1] * np.cos(angles)
    cos, sin = math.cos(turn), math.sin(turn)
    return np.stack([right * sin + down * cos, right * cos - down * sin], axis=1) + centre
