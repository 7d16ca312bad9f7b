"""Label images that are edited, and what changes in them.

A patch is a box with the labels inside it before and after an edit, so an edit can be undone, sent
and written down without the rest of the field. Labels travel as runs, row by row: value, length,
value, length, ...

Letters: H rows, W columns of the field. Boxes are (y0, x0, y1, x1) in pixels, half-open.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Patch:
    """A change of a label image.

    Attributes:
        box: the smallest that holds all changed pixels.
        before: int32, of the shape of the box.
        after: the same, after the change.
    """

    box: Box
    before: np.ndarray
    after: np.ndarray

    def touched(self) -> list[int]:
        """Labels that gain or lose pixels, sorted."""
        changed = self.before != self.after
        values = np.union1d(self.before[changed], self.after[changed])
        return [int(value) for value in values if value > 0]


@dataclass(frozen=True)
class Nucleus:
    """Where a label lies.

    Attributes:
        box: the smallest that holds it.
        area: pixels.
    """

    box: Box
    area: int


class LabelMap:
    """A label image that knows where each label lies.

    Attributes:
        pixels: (H, W) int32, 0 background.
        nuclei: of each label.
        next_label: above every label that this map has held, so that no name is used twice.
    """

    def __init__(self, pixels: np.ndarray):
        self.pixels = np.array(pixels, np.int32)
        self.nuclei = find_nuclei(self.pixels)
        self.next_label = max(self.nuclei, default=0) + 1

    def window(self, box: Box, labels: Iterable[int] = ()) -> Box:
        """A box enlarged to hold some labels whole, and cut to the field."""
        boxes = [box, *(self.nuclei[label].box for label in labels if label in self.nuclei)]
        return clip_box(enclosing(boxes), self.pixels.shape)

    def crop(self, box: Box) -> np.ndarray:
        """A copy of the labels in a box inside the field."""
        return self.pixels[slices(box)].copy()

    def patch(self, box: Box, after: np.ndarray) -> Patch | None:
        """The change that `after` makes in a box, or None if it makes none."""
        changed = self.pixels[slices(box)] != after
        rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
        if not rows.size:
            return None
        inner = (int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
        small = (box[0] + inner[0], box[1] + inner[1], box[0] + inner[2], box[1] + inner[3])
        return Patch(small, self.crop(small), after[slices(inner)].copy())

    def apply(self, box: Box, values: np.ndarray) -> list[int]:
        """Replace the labels in a box.

        Returns:
            The labels that gained or lost pixels; those that are gone are no longer in `nuclei`.
        """
        touched = Patch(box, self.crop(box), values).touched()
        self.pixels[slices(box)] = values
        self.next_label = max(self.next_label, max(touched, default=0) + 1)
        window = self.window(box, touched)
        found = find_nuclei(self.pixels[slices(window)], window[:2])
        for label in touched:
            if label in found:
                self.nuclei[label] = found[label]
            else:
                self.nuclei.pop(label, None)
        return touched


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


# --- runs ------------------------------------------------------------------------------------


def to_runs(labels: np.ndarray) -> np.ndarray:
    """Labels as runs.

    Args:
        labels: (H, W) int32.

    Returns:
        uint32 value, length, value, length, ... row by row; runs go on over the ends of rows.

    >>> to_runs(np.array([[0, 7], [7, 7]])).tolist()
    [0, 1, 7, 3]
    """
    flat = labels.ravel()
    starts = np.flatnonzero(np.concatenate(([flat.size > 0], flat[1:] != flat[:-1])))
    lengths = np.diff(starts, append=flat.size)
    return np.stack((flat[starts], lengths), axis=1).astype(np.uint32).ravel()


def from_runs(runs: Sequence[int] | np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Labels of a shape from their runs.

    Raises:
        ValueError: the runs do not fill the shape.

    >>> from_runs([0, 1, 7, 3], (2, 2)).tolist()
    [[0, 7], [7, 7]]
    """
    pairs = np.asarray(runs, np.int64).reshape(-1, 2)
    if (pairs < 0).any() or pairs[:, 1].sum() != shape[0] * shape[1]:
        raise ValueError(f"runs must fill {shape}. Received: {pairs[:, 1].sum()} pixels")
    return np.repeat(pairs[:, 0].astype(np.int32), pairs[:, 1]).reshape(shape)


# --- boxes -----------------------------------------------------------------------------------


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


def grown(box: Box, margin: int) -> Box:
    """A box with a margin on every side."""
    return box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin


def clip_box(box: Box, shape: tuple[int, ...]) -> Box:
    """The part of a box that lies in a field; empty, never upside down, where none does."""
    y0, x0 = min(max(box[0], 0), shape[0]), min(max(box[1], 0), shape[1])
    return y0, x0, max(y0, min(box[2], shape[0])), max(x0, min(box[3], shape[1]))
