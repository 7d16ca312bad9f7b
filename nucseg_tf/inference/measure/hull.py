"""The convex hulls of nuclei.

N nuclei, C corners of all hulls. A hull is drawn around the middles of the edges of the pixels: a
pixel is a diamond, 1 px wide.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from nucseg_tf.inference.measure.label_runs import LabelRuns, expand


@dataclass(frozen=True)
class Hulls:
    """The hulls of the centres of the pixels of each nucleus; coordinates from a first corner.

    Attributes:
        x, y: (C,) int64, px; the corners in order.
        first: (N,) index of each nucleus' first corner, which is (0, 0).
        size: (N,) how many it has.
    """

    x: np.ndarray
    y: np.ndarray
    first: np.ndarray
    size: np.ndarray


def find_hulls(runs: LabelRuns) -> Hulls:
    """The hull of each nucleus."""
    if len(runs.label) == 0:
        nothing = np.zeros(0, np.int64)
        return Hulls(nothing, nothing, nothing, nothing)
    ends = np.stack([np.append(runs.left, runs.right), np.append(runs.row, runs.row)], axis=1)
    order = np.argsort(np.tile(np.repeat(np.arange(len(runs.label)), runs.count), 2), kind="stable")
    points = np.split(ends[order].astype(np.int32), 2 * runs.first[1:])
    hulls = [cv2.convexHull(nucleus).reshape(-1, 2) for nucleus in points]

    size = np.array([len(hull) for hull in hulls])
    first = np.append(0, np.cumsum(size)[:-1])
    corner = np.concatenate(hulls).astype(np.int64)
    corner -= np.repeat(corner[first], size, axis=0)
    return Hulls(corner[:, 0], corner[:, 1], first, size)


def hull_areas(hulls: Hulls) -> np.ndarray:
    """Pixels in the convex hull of each nucleus, (N,) float64, as convex_hull_image counts them.

    Pixels count whose centre is in it or on it. These are, first, the centres in or on the hull of
    the centres: its area A plus half the B centres on its outline plus 1 (Pick's theorem). And
    second, beyond each side (dy, dx) of it, those at most half a pixel away along the shorter
    axis: with g = gcd(dy, dx) the distances step through 1 / m, ..., (m - 1) / m, where
    m = max(|dy|, |dx|) / g, so that g * floor(m / 2) of them count.
    """
    x, y = hulls.x, hulls.y
    # Every outline begins at (0, 0), so that the first corner of the next one closes it.
    dx, dy = np.roll(x, -1) - x, np.roll(y, -1) - y
    divisor = np.gcd(dx, dy)
    # A single pixel has one side of length 0: it has no divisor, and nothing lies beyond it.
    steps = np.maximum(np.abs(dx), np.abs(dy)) // np.maximum(divisor, 1)
    area = np.abs(np.add.reduceat(x * dy - y * dx, hulls.first)) / 2
    return area + np.add.reduceat(divisor / 2 + divisor * (steps // 2), hulls.first) + 1


def largest_diameters(hulls: Hulls) -> np.ndarray:
    """The largest distance between two points of each hull, (N,) float64, px.

    Of two diamonds whose centres are (dy, dx) apart, the points farthest from each other are tips
    along the longer axis: (max(|dy|, |dx|) + 1)^2 + min(|dy|, |dx|)^2.
    """
    end = hulls.first + hulls.size
    partners = np.repeat(end, hulls.size) - np.arange(len(hulls.x))  # itself, and those after it
    one = np.repeat(np.arange(len(hulls.x)), partners)
    other = expand(np.arange(len(hulls.x)), partners)
    dx, dy = np.abs(hulls.x[one] - hulls.x[other]), np.abs(hulls.y[one] - hulls.y[other])
    squares = dx**2 + dy**2 + 2 * np.maximum(dx, dy) + 1
    start = (np.cumsum(partners) - partners)[hulls.first]
    return np.sqrt(np.maximum.reduceat(squares, start))
