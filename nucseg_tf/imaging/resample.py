"""Images at another size, whole or window by window: a window comes out as it would of the whole.

OpenCV's `resize` places its pixels by the window that it is given, so that windows would not fit
each other. These give the same as it, to rounding: areas are averaged where an image is reduced,
cubic or linear interpolation serves where it is enlarged.

H rows, W columns of the image; h, w at the other size; K maps.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
from scipy import sparse

from nucseg_tf.imaging.window import Window

Kind = Literal["area", "cubic", "linear"]
CUBIC = -0.75  # of the kernel; OpenCV's
REACH = {"linear": 1, "cubic": 2}  # px on each side that a pixel is interpolated from


def scaled_shape(shape: tuple[int, int], zoom: float) -> tuple[int, int]:
    """Size of an image (H, W) at a zoom; each side keeps one pixel at least."""
    height, width = (max(1, round(length * zoom)) for length in shape)
    return height, width


def needed(window: Window, shape: tuple[int, int], kind: Kind) -> Window:
    """The part of an image (H, W) that a window of it at another size is made of."""
    spans = []
    for low, high, length, source in zip(
        window.corner, (window.bottom, window.right), window.image, shape, strict=True
    ):
        first, last, _, _ = _axis(source, length, low, high, _kind(source, length, kind))
        spans.append((first, last))
    (top, bottom), (left, right) = spans
    return Window(top, left, bottom, right, shape)


def resample(part: np.ndarray, of: Window, window: Window, kind: Kind = "cubic") -> np.ndarray:
    """A window of an image at another size.

    Args:
        part: (y, x) or (y, x, K) float32, what `needed` says of the image.
        of: where that part lies.
        window: of the image at the other size.
        kind: "linear" always, or "cubic", which averages areas along a side that is reduced.

    Returns:
        float32 of the window's shape, (h, w) or (h, w, K).
    """
    down = _weights(of.image[0], window.image[0], window.top, window.bottom, kind)
    along = _weights(of.image[1], window.image[1], window.left, window.right, kind)
    height, width = window.shape
    rows = down @ part.reshape(len(part), -1)
    rows = _transposed(rows.reshape(height, *part.shape[1:]))
    turned = along @ rows.reshape(len(rows), -1)
    return _transposed(turned.reshape(width, height, *part.shape[2:]))


def _transposed(image: np.ndarray) -> np.ndarray:
    """(y, x, ...) to (x, y, ...); OpenCV does it faster, but not for all numbers of maps."""
    if image.ndim == 2 or image.shape[2] == 2:
        return cv2.transpose(image)
    return np.ascontiguousarray(np.swapaxes(image, 0, 1))


def _kind(source: int, target: int, kind: Kind) -> Kind:
    return "area" if target < source and kind == "cubic" else kind


@lru_cache(maxsize=64)
def _weights(source: int, target: int, low: int, high: int, kind: Kind) -> sparse.csr_matrix:
    """Weight of each pixel of a source in pixels low..high of the target: (high - low, n)."""
    first, last, columns, weights = _axis(source, target, low, high, _kind(source, target, kind))
    count, taps = columns.shape
    rows = np.arange(0, (count + 1) * taps, taps)
    matrix = sparse.csr_matrix(
        (weights.astype(np.float32).ravel(), columns.ravel() - first, rows),
        shape=(count, last - first),
    )
    matrix.sum_duplicates()  # taps beyond an edge are those on it
    matrix.eliminate_zeros()
    return matrix


def _axis(
    source: int, target: int, low: int, high: int, kind: Kind
) -> tuple[int, int, np.ndarray, np.ndarray]:
    """First and last (exclusive) pixel of a source, and (n, taps) indices and weights."""
    step = source / target
    place = np.arange(low, high, dtype=np.float64)
    if kind == "area":
        begin, end = place * step, (place + 1) * step
        first = np.floor(begin).astype(np.int64)
        index = first[:, None] + np.arange(int(np.ceil(step)) + 1)
        covered = np.minimum(index + 1, end[:, None]) - np.maximum(index, begin[:, None])
        weights = np.maximum(covered, 0)
        weights[weights < 1e-6] = 0  # of rounding
        weights /= weights.sum(axis=1, keepdims=True)
    else:
        position = (place + 0.5) * step - 0.5
        first = np.floor(position).astype(np.int64)
        index = first[:, None] + np.arange(1 - REACH[kind], 1 + REACH[kind])
        distance = np.abs(position[:, None] - index)
        weights = np.maximum(1 - distance, 0) if kind == "linear" else _cubic(distance)
    index = index.clip(0, source - 1)
    return int(index.min()), int(index.max()) + 1, index, weights


def _cubic(x: np.ndarray) -> np.ndarray:
    near = ((CUBIC + 2) * x - (CUBIC + 3)) * x * x + 1
    far = ((CUBIC * x - 5 * CUBIC) * x + 8 * CUBIC) * x - 4 * CUBIC
    return np.where(x <= 1, near, np.where(x < 2, far, 0))
