"""Label images gone through piece by piece, each nucleus whole in one piece.

H rows, W columns, N nuclei.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nucseg_tf.imaging.scratch import cut, highest
from nucseg_tf.imaging.window import Window, blocks

SIDE = 2048  # px, of the blocks that a large image is divided into


@dataclass(frozen=True)
class Piece:
    """Some nuclei of a label image and the window that holds them.

    Attributes:
        window: of the image.
        labels: (h, w) int32 of the window, 1..n; of other nuclei nothing.
        numbers: (n,) of these nuclei in the image.
    """

    window: Window
    labels: np.ndarray
    numbers: np.ndarray


def pieces(labels: np.ndarray, margin: int = 0, side: int = SIDE) -> Iterator[Piece]:
    """The nuclei of (H, W) labels 1..N, each in one piece; numbers may be missing.

    There is one piece at least, be it empty.

    Args:
        labels: of any integer type, 0 background.
        margin: px around the nuclei that a window holds, too, where the image goes on.
        side: px, of the blocks.
    """
    parts = list(blocks((labels.shape[0], labels.shape[1]), side))
    boxes = find_boxes(labels, side) if len(parts) > 1 else np.zeros((0, 4), np.int64)
    if not len(boxes):
        first = cut(labels, parts[0].slices)
        yield Piece(parts[0], first, np.arange(1, highest(first) + 1))
        return
    middle = (boxes[:, :2] + boxes[:, 2:]) // 2
    for block in parts:
        inside = (middle >= block.corner) & (middle < (block.bottom, block.right))
        mine = np.flatnonzero(inside.all(axis=1) & (boxes[:, 2] > 0))
        if not len(mine):
            continue
        held = [tuple(box) for box in boxes[mine].tolist()]
        window = held_by(held, block.image).grown(margin)
        local = np.zeros(len(boxes) + 1, np.int32)
        local[mine + 1] = np.arange(1, len(mine) + 1)
        yield Piece(window, local[cut(labels, window.slices)], mine + 1)


def held_by(boxes: list[tuple[int, int, int, int]], shape: tuple[int, int]) -> Window:
    """The smallest window of an image (H, W) that holds boxes (y0, x0, y1, x1), one at least."""
    tops, lefts, bottoms, rights = zip(*boxes, strict=True)
    return Window(min(tops), min(lefts), max(bottoms), max(rights), shape)


def find_boxes(labels: np.ndarray, side: int = SIDE) -> np.ndarray:
    """Bounding boxes (y0, x0, y1, x1) of labels 1..N, px, half-open; zeros for those missing."""
    from scipy import ndimage

    low = np.full((highest(labels) + 1, 2), np.iinfo(np.int64).max)
    high = np.zeros_like(low)
    for block in blocks((labels.shape[0], labels.shape[1]), side):
        part = cut(labels, block.slices).astype(np.int64, copy=False)
        lowest = int(part.min(where=part > 0, initial=np.iinfo(np.int32).max))
        found = ndimage.find_objects(np.maximum(part - (lowest - 1), 0))
        for label, place in enumerate(found, start=lowest):
            if place is not None:
                first = np.add(block.corner, [along.start for along in place])
                last = np.add(block.corner, [along.stop for along in place])
                low[label] = np.minimum(low[label], first)
                high[label] = np.maximum(high[label], last)
    boxes = np.hstack([low, high])[1:]
    boxes[boxes[:, 2] == 0] = 0
    return boxes
