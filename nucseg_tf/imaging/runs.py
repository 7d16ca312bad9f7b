"""Runs, the stretches of one label within one row, of which there are far fewer than pixels.

H rows, W columns, R runs, N labels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Runs:
    """The runs of a label image, the background's too, in the order of its pixels.

    Attributes:
        starts: (R,) int64, their first pixels in the flat image.
        values: (R,), their labels.
        shape: (H, W).
    """

    starts: np.ndarray
    values: np.ndarray
    shape: tuple[int, int]

    @property
    def lengths(self) -> np.ndarray:
        """(R,) int64, px."""
        return np.diff(self.starts, append=self.shape[0] * self.shape[1])

    def areas_and_firsts(self) -> tuple[np.ndarray, np.ndarray]:
        """Area, px, and first pixel, in the flat image, of the labels 0..N: (N + 1,) int64 each.

        Both are 0 where the image has none of a label.
        """
        areas = np.bincount(self.values, weights=self.lengths).astype(np.int64)
        firsts = np.zeros(len(areas), np.int64)
        firsts[self.values[::-1]] = self.starts[::-1]  # the last of several stays
        return areas, firsts

    def largest(self, image: np.ndarray) -> np.ndarray:
        """Largest pixel of an image (H, W) in each of the labels 1..N, (N,); 0 at least."""
        found = np.zeros(self.values.max(initial=0) + 1, image.dtype)
        np.maximum.at(found, self.values, np.maximum.reduceat(image.ravel(), self.starts))
        return found[1:]

    def boxes(self) -> list[tuple[slice, slice] | None]:
        """Rows and columns of the labels 1..N, as of `scipy.ndimage.find_objects`."""
        row, left = np.divmod(self.starts, max(1, self.shape[1]))
        size = int(self.values.max(initial=0)) + 1
        y0, x0 = np.full(size, self.shape[0]), np.full(size, self.shape[1])
        y1, x1 = np.zeros(size, np.int64), np.zeros(size, np.int64)
        for limit, values in ((y0, row), (x0, left)):
            np.minimum.at(limit, self.values, values)
        for limit, values in ((y1, row + 1), (x1, left + self.lengths)):
            np.maximum.at(limit, self.values, values)
        sides = zip(*(side[1:].tolist() for side in (y0, y1, x0, x1)), strict=True)
        return [(slice(a, b), slice(c, d)) if a < b else None for a, b, c, d in sides]

    def renumber(self, table: np.ndarray) -> Runs:
        """The same runs with each label replaced by its entry of a table (N + 1,)."""
        return replace(self, values=table[self.values])

    def paint(self) -> np.ndarray:
        """The label image, (H, W)."""
        return np.repeat(self.values, self.lengths).reshape(self.shape)


def find_runs(labels: np.ndarray, *others: np.ndarray) -> Runs:
    """Cut (H, W) labels into runs; into shorter ones where other labels (H, W) change within one.

    >>> runs = find_runs(np.array([[0, 0, 7], [7, 7, 7]]))
    >>> runs.starts.tolist(), runs.values.tolist(), runs.lengths.tolist()
    ([0, 2, 3], [0, 7, 7], [2, 1, 3])
    """
    begins = np.ones(labels.shape, bool)  # a run never goes on into the next row
    np.not_equal(labels[:, 1:], labels[:, :-1], out=begins[:, 1:])
    for other in others:
        begins[:, 1:] |= other[:, 1:] != other[:, :-1]
    starts = np.flatnonzero(begins)
    return Runs(starts, labels.ravel()[starts], labels.shape)
