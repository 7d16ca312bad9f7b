"""The eight symmetries of the square, by number: test-time augmentation takes the first few.

Number n mirrors the columns if n is odd, then turns by n // 2 quarters, counter-clockwise as
`np.rot90` does; 0 leaves everything as it is. Letters: H rows, W columns, D boxes
(y0, x0, y1, x1), px, half-open.
"""

from __future__ import annotations

import numpy as np

COUNT = 8


def turn(image: np.ndarray, number: int, axes: tuple[int, int] = (0, 1)) -> np.ndarray:
    """An image, or anything with rows and columns on the `axes`, in one of the symmetries."""
    mirrored = np.flip(image, axes[1]) if number % 2 else image
    return np.rot90(mirrored, number // 2, axes)


def turn_back(image: np.ndarray, number: int, axes: tuple[int, int] = (0, 1)) -> np.ndarray:
    """Undo `turn`."""
    back = np.rot90(image, -(number // 2), axes)
    return np.flip(back, axes[1]) if number % 2 else back


def turn_boxes(boxes: np.ndarray, number: int, shape: tuple[int, ...]) -> np.ndarray:
    """Where boxes (D, 4) of an image (H, W) lie in the turned image."""
    height, width = shape[:2]
    y0, x0, y1, x1 = np.moveaxis(boxes, -1, 0)
    if number % 2:
        x0, x1 = width - x1, width - x0
    for _ in range(number // 2):
        y0, x0, y1, x1 = width - x1, y0, width - x0, y1
        height, width = width, height
    return np.stack([y0, x0, y1, x1], -1)


def turn_boxes_back(boxes: np.ndarray, number: int, shape: tuple[int, ...]) -> np.ndarray:
    """Undo `turn_boxes`; `shape` (H, W) is that of the image before it was turned."""
    quarters = number // 2
    turned = shape[:2] if quarters % 2 == 0 else shape[1::-1]
    found = turn_boxes(boxes, 2 * (-quarters % 4), turned)
    return turn_boxes(found, number % 2, shape)
