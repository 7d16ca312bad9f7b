"""Masks as Supervisely's polygons, and back.

Polygons are in Supervisely's pixel coordinates: a whole number is a pixel, not a corner; the pixels
on the line belong to the polygon, those on the line of a hole to the hole. So its SDK draws them
(cv2.fillPoly), and so they are written and read here. Where a polygon cannot give back the same
pixels (pieces, lines thinner than two pixels), there is none.

Letters: H rows, W columns of the image, N corners. Points are (x, y).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pydantic import BaseModel

from nucseg_tf.annotation.exchange.drawn import Drawn, tight
from nucseg_tf.errors import LabelError
from nucseg_tf.imaging.components import components
from nucseg_tf.io.boxes import clip_box

FAR = 1e6  # px


class Polygon(BaseModel):
    exterior: list[tuple[float, float]]
    interior: list[list[tuple[float, float]]] = []


def to_points(nucleus: Drawn) -> dict[str, Any] | None:
    """A polygon with holes, or None where it would not give back the same pixels."""
    import cv2

    filled = np.zeros(nucleus.mask.shape, np.uint8)
    rings = cv2.findContours(
        nucleus.mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )[0]
    if len(rings) != 1 or cv2.contourArea(rings[0]) == 0:
        return None
    cv2.fillPoly(filled, rings, 1)
    gaps, count = components((filled > 0) & ~nucleus.mask)
    holes = [
        cv2.findContours(
            (gaps == gap).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
        )[0][0]
        for gap in range(1, count + 1)
    ]
    outer, inner = rings[0].reshape(-1, 2), [_three(hole.reshape(-1, 2)) for hole in holes]
    if not np.array_equal(_fill(outer, inner, nucleus.mask.shape), nucleus.mask):
        return None
    corner = np.array([nucleus.left, nucleus.top])
    return {
        "exterior": (outer + corner).tolist(),
        "interior": [(hole + corner).tolist() for hole in inner],
    }


def _three(points: np.ndarray) -> np.ndarray:
    """At least three points, as the format asks for; the last one is repeated."""
    return np.concatenate([points, np.repeat(points[-1:], max(0, 3 - len(points)), axis=0)])


def place_polygons(
    polygons: list[Polygon], shape: tuple[int, int], where: str
) -> tuple[int, int, np.ndarray]:
    """Row, column and mask of the union of polygons."""
    figures = [
        [_to_pixels(ring, shape, where) for ring in (polygon.exterior, *polygon.interior)]
        for polygon in polygons
    ]
    corners = np.concatenate([rings[0] for rings in figures])
    (left, top), (right, bottom) = corners.min(0), corners.max(0) + 1
    y0, x0, y1, x1 = clip_box((int(top), int(left), int(bottom), int(right)), shape)
    mask = np.zeros((max(y1 - y0, 0), max(x1 - x0, 0)), bool)
    if mask.size:
        for rings in figures:
            outer, *holes = (ring - np.array([x0, y0]) for ring in rings)
            mask |= _fill(outer, holes, mask.shape)
    return tight(mask, y0, x0)


def _to_pixels(ring: list[tuple[float, float]], shape: tuple[int, int], where: str) -> np.ndarray:
    """(N, 2) int32 pixels (x, y), rounded down as Supervisely does when it exports."""
    if not ring:
        raise LabelError(f"{where}: its polygon has no points. Draw it anew, or delete it.")
    if any(not math.isfinite(value) or abs(value) > 1e6 for point in ring for value in point):
        raise LabelError(f"{where}: its polygon lies far beyond the image. Draw it anew.")
    pixels = np.floor(ring).astype(np.int32)
    edge = np.array([shape[1], shape[0]])
    return np.where(pixels == edge, pixels - 1, pixels).astype(np.int32)


def _fill(outer: np.ndarray, holes: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """Pixels of a polygon as Supervisely's SDK draws it: lines included, but not those of holes."""
    import cv2

    canvas = np.zeros(shape, np.uint8)
    cv2.fillPoly(canvas, [outer.astype(np.int32)], 1)
    if holes:
        cv2.fillPoly(canvas, [hole.astype(np.int32) for hole in holes], 0)
    return canvas > 0
