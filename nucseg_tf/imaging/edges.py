"""Where nuclei end: pairs of neighbouring pixels, one inside a nucleus and one outside of it.

H rows, W columns, N nuclei, E edges. A pixel has as many edges as it has neighbours, of four, that
are not of its nucleus; the edge of the image makes none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Edges:
    """All edges of a label image.

    Attributes:
        label: (E,) of the pixel inside.
        row, column: (E,) int64, where that pixel is.
        down, right: (E,) int64, -1, 0 or 1: from there to the pixel outside.
    """

    label: np.ndarray
    row: np.ndarray
    column: np.ndarray
    down: np.ndarray
    right: np.ndarray

    def at(self, image: np.ndarray, steps: int) -> np.ndarray:
        """Pixels of an image (H, W), (E,): of those inside at 0 steps, outside at 1.

        Beyond the edge of the image, its last pixels go on.
        """
        if steps == 0:
            return image[self.row, self.column]
        height, width = image.shape
        row = np.clip(self.row + steps * self.down, 0, height - 1)
        return image[row, np.clip(self.column + steps * self.right, 0, width - 1)]


def find_edges(labels: np.ndarray) -> Edges:
    """The edges of the nuclei of (H, W) labels, 0 background.

    >>> edges = find_edges(np.array([[0, 1, 2]]))
    >>> edges.label.tolist(), edges.right.tolist()
    ([1, 2, 1], [1, -1, -1])
    """
    parts = []
    for down, right, near, far in (
        (1, 0, labels[:-1], labels[1:]),
        (0, 1, labels[:, :-1], labels[:, 1:]),
    ):
        row, column = np.divmod(np.flatnonzero(near != far), max(1, near.shape[1]))
        for sign, y, x in ((1, row, column), (-1, row + down, column + right)):
            owner = labels[y, x]
            inside = owner > 0
            count = np.count_nonzero(inside)
            way = np.full(count, sign * down), np.full(count, sign * right)
            parts.append((owner[inside], y[inside], x[inside], *way))
    return Edges(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def mean_by_label(label: np.ndarray, values: np.ndarray, nuclei: int) -> np.ndarray:
    """Mean of the values (E,) of each nucleus 1..N, (N,) float64; 0 for one without any."""
    count = np.bincount(label, minlength=nuclei + 1)
    return (np.bincount(label, values, nuclei + 1) / np.maximum(count, 1))[1:]


def quantile_by_label(
    label: np.ndarray, values: np.ndarray, nuclei: int, share: float
) -> np.ndarray:
    """Quantile of the values (E,) of each nucleus 1..N, (N,): the value that a share lies below.

    Args:
        label: (E,) in 1..N.
        values: (E,).
        nuclei: N.
        share: in [0, 1]; between two values, the lower one counts.

    Returns:
        As `values`; 1 for a nucleus without any.

    >>> quantile_by_label(np.array([1, 3, 1, 1]), np.array([5.0, 4.0, 3.0, 7.0]), 3, 0.5).tolist()
    [5.0, 1.0, 4.0]
    """
    count = np.bincount(label, minlength=nuclei + 1)[1:]
    out = np.ones(nuclei, values.dtype)
    if len(values):
        order = np.argsort(values)
        # Small integers are sorted in linear time.
        small = label[order].astype(np.min_scalar_type(nuclei))
        ordered = values[order[np.argsort(small, kind="stable")]]
        place = np.cumsum(count) - count + (share * np.maximum(count - 1, 0)).astype(np.int64)
        out[count > 0] = ordered[place[count > 0]]
    return out
