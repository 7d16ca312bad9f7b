"""Boxes in label images: where each label lies, and what part of a field a box is.

Whatever reads or writes outlines, masks or patches works in boxes, so as not to touch whole fields.
Letters: H rows, W columns of the field. Boxes are (y0, x0, y1, x1) in pixels, half-open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nucseg_tf.types import Box


@dataclass(frozen=True)
class Nucleus:
    """Where a label lies.

    Attributes:
        box: the smallest that holds it.
        area: pixels.
    """

    box: Box
    area: int


def find_nuclei(labels: np.ndarray, origin: tuple[int, int] = (0, 0)) -> dict[int, Nucleus]:
    """Box and area of each label.

    Args:
        labels: (H, W) int32.
        origin: row and column of its first pixel.
    """
    height, width = labels.shape
    # Runs that end with their row: far fewer than pixels.
    breaks = np.ones((height, width), bool)
    breaks[:, 1:] = labels[:, 1:] != labels[:, :-1]
    starts = np.flatnonzero(breaks)
    lengths = np.diff(starts, append=labels.size)
    taken = labels.ravel()[starts] > 0
    starts, lengths = starts[taken], lengths[taken]
    values, index = np.unique(labels.ravel()[starts], return_inverse=True)
    rows, columns = np.divmod(starts, max(width, 1))
    low = np.full((2, len(values)), np.iinfo(np.int64).max)
    high = np.zeros((2, len(values)), np.int64)
    areas = np.zeros(len(values), np.int64)
    np.add.at(areas, index, lengths)
    for axis, (first, last) in enumerate(((rows, rows + 1), (columns, columns + lengths))):
        np.minimum.at(low[axis], index, first + origin[axis])
        np.maximum.at(high[axis], index, last + origin[axis])
    return {
        int(value): Nucleus((int(y0), int(x0), int(y1), int(x1)), int(area))
        for value, y0, x0, y1, x1, area in zip(values, *low, *high, areas, strict=True)
    }


def slices(box: Box) -> tuple[slice, slice]:
    """Row and column slices of a box."""
    return slice(box[0], box[2]), slice(box[1], box[3])


def shape_of(box: Box) -> tuple[int, int]:
    """Rows and columns of a box."""
    return box[2] - box[0], box[3] - box[1]


def enclosing(boxes: Sequence[Box]) -> Box:
    """The smallest box that holds all of some boxes."""
    array = np.array(boxes)
    y0, x0 = (int(value) for value in array[:, :2].min(0))
    y1, x1 = (int(value) for value in array[:, 2:].max(0))
    return y0, x0, y1, x1


def shifted(box: Box, around: Box) -> Box:
    """A box in the rows and columns of another one."""
    top, left = around[:2]
    return box[0] - top, box[1] - left, box[2] - top, box[3] - left


def grown(box: Box, margin: int) -> Box:
    """A box with a margin on every side."""
    return box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin


def clip_box(box: Box, shape: tuple[int, ...]) -> Box:
    """The part of a box that lies in a field; empty, never upside down, where none does."""
    y0, x0 = min(max(box[0], 0), shape[0]), min(max(box[1], 0), shape[1])
    return y0, x0, max(y0, min(box[2], shape[0])), max(x0, min(box[3], shape[1]))
