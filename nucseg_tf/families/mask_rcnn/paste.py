"""From boxes with small masks, as Mask R-CNN finds them in tiles, to masks in pixels of the image.

Letters: N detections of a tile, M side of a mask's grid, P masks that hold a pixel, h x w pixels
of one of them. Boxes (y0, x0, y1, x1), px of the whole image, half-open; pixel (r, c) has its
centre at (r + 0.5, c + 0.5).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Detections:
    """What one tile holds.

    Attributes:
        boxes: (N, 4) float32 (y0, x0, y1, x1), px of the whole image; may reach beyond tile and
            image.
        scores: (N,) float32 in [0, 1].
        masks: (N, M, M) float32 in [0, 1], probability in a regular grid of cells over the box;
            the centre of cell i lies at (i + 0.5) / M of a side.
        tile: (y0, x0, y1, x1), px, the part of the image that the tile covers, half-open.
    """

    boxes: np.ndarray
    scores: np.ndarray
    masks: np.ndarray
    tile: tuple[int, int, int, int]


@dataclass(frozen=True)
class Masks:
    """Masks in pixels, each as small as it can be.

    Attributes:
        pixels: P arrays (h, w) bool.
        bounds: (P, 4) int64 (y0, x0, y1, x1), px of the image; where the pixels lie.
        area: (P,) int64, px, at least 1.
        score: (P,) float32.
        part: (P,) int64, which of the parts each came from.
        tile: (P, 4) int64, tile of that part.
    """

    pixels: list[np.ndarray]
    bounds: np.ndarray
    area: np.ndarray
    score: np.ndarray
    part: np.ndarray
    tile: np.ndarray

    def take(self, order: np.ndarray) -> Masks:
        """Masks in another order, or some of them."""
        fields = (self.bounds, self.area, self.score, self.part, self.tile)
        return Masks([self.pixels[i] for i in order], *(field[order] for field in fields))

    def crop(self, index: int, window: Sequence[int]) -> np.ndarray:
        """What of one mask lies in a window (y0, x0, y1, x1) of the image; (<= h, <= w) bool."""
        top, left = self.bounds[index, :2].tolist()
        y0, x0, y1, x1 = window
        rows = slice(max(0, y0 - top), max(0, y1 - top))
        return self.pixels[index][rows, max(0, x0 - left) : max(0, x1 - left)]


def paste(parts: Sequence[Detections], shape: tuple[int, int], threshold: float) -> Masks:
    """Resample the masks of all tiles to the image's pixels and cut them at a threshold.

    Left out are boxes without extent, boxes, scores and masks that are not finite, and masks that
    stay below the threshold everywhere.

    Args:
        parts: of the tiles.
        shape: (H, W) of the image.
        threshold: of the probability, in (0, 1].

    Returns:
        The masks, in the order of the parts.
    """
    pixels, bounds, score, part = [], [], [], []
    for index, found in enumerate(parts):
        boxes = np.asarray(found.boxes, np.float64).reshape(-1, 4)
        proper = np.isfinite(boxes).all(1) & np.isfinite(found.scores)
        proper &= (boxes[:, :2] < boxes[:, 2:]).all(1) & np.isfinite(found.masks).all((1, 2))
        for i in np.flatnonzero(proper):
            mask, (y0, x0, y1, x1) = paste_one(boxes[i].tolist(), found.masks[i], shape, threshold)
            if mask.size:
                pixels.append(mask)
                bounds.append((y0, x0, y1, x1))
                score.append(found.scores[i])
                part.append(index)
    parts_of = np.array(part, np.int64)
    tiles = np.array([found.tile for found in parts], np.int64).reshape(-1, 4)
    return Masks(
        pixels=pixels,
        bounds=np.array(bounds, np.int64).reshape(-1, 4),
        area=np.array([np.count_nonzero(mask) for mask in pixels], np.int64),
        score=np.array(score, np.float32),
        part=parts_of,
        tile=tiles[parts_of],
    )


def paste_one(
    box: Sequence[float], mask: np.ndarray, shape: tuple[int, int], threshold: float
) -> tuple[np.ndarray, tuple[int, int, int, int]]:
    """Resample one mask, bilinearly, to the pixels whose centres lie in its box.

    Within half a cell of the box's sides there is nothing to interpolate with; the outermost
    cells go on to the side, as in cv2.resize.

    Args:
        box: (y0, x0, y1, x1), finite, with positive sides.
        mask: (M, M) float32.
        shape: (H, W) of the image.
        threshold: of the probability.

    Returns:
        (h, w) bool, cut to the pixels at or above the threshold, and its bounds (y0, x0, y1, x1)
        in the image; (0, 0) where there are none.
    """
    y0, x0, y1, x1 = box
    rows, columns = _covered(y0, y1, shape[0]), _covered(x0, x1, shape[1])
    if not rows or not columns:
        return np.zeros((0, 0), bool), (0, 0, 0, 0)
    down, along = _weights(y0, y1, rows, len(mask)), _weights(x0, x1, columns, len(mask))
    # Not cv2.warpAffine: it rounds positions to 1/32 of a cell, which shows in large nuclei.
    inside = down @ mask @ along.T >= threshold
    left, top, width, height = cv2.boundingRect(inside.view(np.uint8))
    first = rows.start + top, columns.start + left
    cut = inside[top : top + height, left : left + width]
    return cut, (*first, first[0] + height, first[1] + width)


def _covered(low: float, high: float, length: int) -> range:
    """Pixels of an axis whose centres lie in [low, high)."""
    first, last = (min(max(side, -1.0), length + 1.0) for side in (low, high))
    return range(max(0, math.ceil(first - 0.5)), min(length, math.ceil(last - 0.5)))


def _weights(low: float, high: float, pixels: range, cells: int) -> np.ndarray:
    """Linear interpolation along one axis: weight of each cell at each pixel.

    Args:
        low, high: sides of the box, px.
        pixels: of the image, that the box covers.
        cells: M.

    Returns:
        (len(pixels), M) float32; of a row, two neighbours at most are not 0, and all add up to 1.
    """
    # Once for each nucleus: calls of NumPy count, and of its functions clip is a slow one.
    position = np.arange(pixels.start, pixels.stop, dtype=np.float64)
    position = (position + (0.5 - low)) * (cells / (high - low)) - 0.5
    position = np.minimum(np.maximum(position, 0), cells - 1)
    distance = np.abs(position[:, None] - np.arange(cells))
    return np.maximum(1 - distance, 0).astype(np.float32)
