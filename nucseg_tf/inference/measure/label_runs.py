"""The runs of each label of a label image, one label after another.

H rows, W columns, N labels, R runs, P pixels. A run is a stretch of one label within one row of
the image; a nucleus of diameter d is some d runs instead of d * d pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nucseg_tf.imaging.runs import find_runs


@dataclass(frozen=True)
class LabelRuns:
    """The runs of all labels but 0, sorted by label and then by row.

    Attributes:
        row, left: (R,) int64, px; where each begins.
        length: (R,) int64, px.
        label: (N,) labels, ascending.
        first: (N,) index of the first run of each label.
        count: (N,) number of runs of each label.
    """

    row: np.ndarray
    left: np.ndarray
    length: np.ndarray
    label: np.ndarray
    first: np.ndarray
    count: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """(R,) int64, px; the last column of each run."""
        return self.left + self.length - 1

    @property
    def area(self) -> np.ndarray:
        """(N,) int64, px."""
        return self.total(self.length)

    def total(self, values: np.ndarray) -> np.ndarray:
        """Sum of the values of the runs of each label, (R,) -> (N,)."""
        return np.add.reduceat(values, self.first)

    def least(self, values: np.ndarray) -> np.ndarray:
        """Least value of each label, (R,) -> (N,)."""
        return np.minimum.reduceat(values, self.first)

    def greatest(self, values: np.ndarray) -> np.ndarray:
        """Greatest value of each label, (R,) -> (N,)."""
        return np.maximum.reduceat(values, self.first)

    def places(self, width: int, pad: int = 0) -> np.ndarray:
        """Where the pixels lie in a flat image, (P,) int64, in the order of the runs.

        Args:
            width: W.
            pad: px that the flat image has around it.
        """
        return expand((self.row + pad) * (width + 2 * pad) + self.left + pad, self.length)


def group_runs(labels: np.ndarray) -> LabelRuns:
    """Cut (H, W) labels into runs.

    >>> runs = group_runs(np.array([[0, 2, 2], [1, 0, 2]]))
    >>> runs.label.tolist(), runs.count.tolist(), runs.left.tolist(), runs.area.tolist()
    ([1, 2], [1, 2], [0, 1, 2], [1, 3])
    """
    found = find_runs(labels)
    owner = found.values
    inside = np.flatnonzero(owner)
    order = inside[np.argsort(owner[inside], kind="stable")]
    label, first, count = np.unique(owner[order], return_index=True, return_counts=True)
    row, left = np.divmod(found.starts[order], max(1, labels.shape[1]))
    return LabelRuns(row, left, found.lengths[order], label, first, count)


def expand(start: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Count up from each start, (R,) -> (sum of lengths,) int64.

    >>> expand(np.array([7, 2]), np.array([3, 1])).tolist()
    [7, 8, 9, 2]
    """
    before = np.cumsum(length) - length
    return np.arange(length.sum()) + np.repeat(start - before, length)
