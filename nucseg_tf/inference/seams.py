"""One label image of an image that is decoded window by window.

The image is divided into blocks; a window is a block with a margin wider than nuclei. A nucleus
that lies within the windows of several blocks comes out alike from all of them, and belongs to the
block that holds the middle of its bounding box. Only one too large for the margin is cut by the
edge of a window; its pieces are put together where they overlap.

H rows, W columns of the image, N nuclei.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from nucseg_tf.imaging.scratch import cut, put, scratch
from nucseg_tf.imaging.window import Shape, Window, blocks
from nucseg_tf.types import Instances

SAME = 0.5  # share of its pixels in another nucleus from which a nucleus is that one again
PART = 0.1  # the same for one that an edge cuts


class Seams:
    """Gathers the nuclei of windows, in the order of the blocks.

    Args:
        shape: (H, W).
    """

    def __init__(self, shape: Shape):
        self.labels = scratch(shape, np.int32)
        self._scores: list[float] = []
        self._levels: list[int] = []
        self._first: list[int] = []  # pixel, counted row by row

    def add(
        self, block: Window, window: Window, found: Instances, levels: np.ndarray | None = None
    ) -> None:
        """Add the nuclei of a block.

        Args:
            block: of the image.
            window: the block with its margin.
            found: in the window.
            levels: (n,), kept of those nuclei that are.
        """
        out = np.array(cut(self.labels, window.slices))
        for label, place in enumerate(ndimage.find_objects(found.labels), start=1):
            if place is None or not _is_of(block, window, place):
                continue
            mine, there = found.labels[place] == label, out[place]
            taken = there[mine]
            other, share = _largest_share(taken)
            if share > (PART if _is_cut(window, place) else SAME):
                number = other
                self._scores[number - 1] = max(
                    self._scores[number - 1], float(found.scores[label - 1])
                )
            else:
                self._scores.append(float(found.scores[label - 1]))
                self._levels.append(0 if levels is None else int(levels[label - 1]))
                self._first.append(np.iinfo(np.int64).max)
                number = len(self._scores)
            free = mine & (there == 0)
            there[free] = number
            self._first[number - 1] = min(self._first[number - 1], _first(window, place, free))
        put(self.labels, window.slices, out)

    def join(self) -> tuple[Instances, np.ndarray]:
        """Number the nuclei in the order of their first pixels.

        Returns:
            All nuclei; and (N,), the levels.
        """
        order = np.argsort(np.array(self._first, np.int64), kind="stable")
        order = order[np.array(self._first, np.int64)[order] < np.iinfo(np.int64).max]
        numbers = np.zeros(len(self._first) + 1, np.int32)
        numbers[order + 1] = np.arange(1, len(order) + 1)
        for block in blocks((self.labels.shape[0], self.labels.shape[1]), 4096):
            put(self.labels, block.slices, numbers[cut(self.labels, block.slices)])
        scores = np.array(self._scores, np.float32)[order]
        return Instances(self.labels, scores), np.array(self._levels, int)[order]


def _largest_share(taken: np.ndarray) -> tuple[int, float]:
    """The nucleus that has most of some pixels, and its share of them; 0 and 0 without any."""
    if not taken.any():
        return 0, 0.0
    lowest = int(taken[taken > 0].min())
    count = np.bincount(np.maximum(taken - (lowest - 1), 0))
    count[0] = 0
    best = int(count.argmax())
    return best + lowest - 1, float(count[best]) / len(taken)


def _is_of(block: Window, window: Window, place: tuple[slice, ...]) -> bool:
    """Whether the middle of a nucleus lies in a block."""
    row, column = (
        first + (side.start + side.stop) // 2
        for first, side in zip(window.corner, place, strict=True)
    )
    return block.top <= row < block.bottom and block.left <= column < block.right


def _is_cut(window: Window, place: tuple[slice, ...]) -> bool:
    """Whether an edge of the window, inside the image, cuts a nucleus."""
    rows, columns = place
    return bool(
        (rows.start == 0 and window.top > 0)
        or (columns.start == 0 and window.left > 0)
        or (rows.stop == window.shape[0] and window.bottom < window.image[0])
        or (columns.stop == window.shape[1] and window.right < window.image[1])
    )


def _first(window: Window, place: tuple[slice, ...], inside: np.ndarray) -> int:
    """First pixel of a nucleus, counted row by row over the image; the largest number if none."""
    rows = np.flatnonzero(inside.any(axis=1))
    if not len(rows):
        return int(np.iinfo(np.int64).max)
    column = int(np.argmax(inside[rows[0]]))
    row = window.top + place[0].start + int(rows[0])
    return row * window.image[1] + window.left + place[1].start + column
