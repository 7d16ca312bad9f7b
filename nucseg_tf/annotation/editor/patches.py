"""Label images that are edited, and what changes in them.

A patch is a box with the labels inside it before and after an edit, so an edit can be undone, sent
and written down without the rest of the field; see `io.runs` for how its labels travel.

Letters: H rows, W columns of the field. Boxes are (y0, x0, y1, x1) in pixels, half-open.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from nucseg_tf.io.boxes import Box, clip_box, enclosing, find_nuclei, slices

# What a tool returns: a box, the labels in it afterwards, and those to be selected.
Result = tuple[Box, np.ndarray, list[int]]


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
