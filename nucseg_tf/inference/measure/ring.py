"""Rings around nuclei: what is close to each, and to no other more.

H rows, W columns. A background pixel whose nearest nucleus pixel is d px away (between centres)
belongs to the ring of that nucleus if gap < d <= gap + width. Of several nuclei equally near, the
one with the lowest label has it. So rings never overlap, hold no pixel of any nucleus, and end
where the image does; a nucleus that others enclose has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from nucseg_tf.errors import UsageError

ROWS = 32  # that are gone through together: they stay in the processor's cache


@dataclass(frozen=True)
class Ring:
    """How far from the nucleus a ring begins, and how wide it is.

    Both are the same for all nuclei and images, not a share of the nuclei found, so that figures
    can be compared between images.

    Attributes:
        gap: px around the nucleus that are left out, for its light spills over; 0 or more.
        width: px, 1 or more.

    Raises:
        UsageError: if they are not.
    """

    gap: int = 2
    width: int = 6

    def __post_init__(self) -> None:
        if self.gap < 0 or self.width < 1:
            raise UsageError(
                "ring: expected a gap of 0 px or more and a width of 1 px or more. "
                f"Received: {self.gap} and {self.width}."
            )

    @property
    def reach(self) -> int:
        """Px from the nucleus to the ring's outer edge."""
        return self.gap + self.width

    @property
    def margin(self) -> int:
        """Px around a nucleus within which everything lies that its ring depends on."""
        return 2 * self.reach


def draw_rings(labels: np.ndarray, ring: Ring) -> np.ndarray:
    """The rings of all nuclei of (H, W) labels, as (H, W) int32 labels, 0 elsewhere.

    Each pixel looks for the least (squared distance, label), written as one number, that distance
    times `base` plus label: first in its column, then among what the columns around it found.

    >>> draw_rings(np.array([[0, 0, 0, 7, 0, 0, 5]]), Ring(0, 2)).tolist()
    [[0, 7, 7, 0, 7, 5, 0]]
    """
    base = int(labels.max(initial=0)) + 1
    # The farthest is one step beyond the reach, and has the squares of steps added to it.
    most = ((ring.reach + 1) ** 2 + ring.reach**2 + 1) * base
    found = labels.astype(np.int32 if most <= np.iinfo(np.int32).max else np.int64)
    _look_along_columns(found, base, ring.reach)
    out = np.zeros(labels.shape, np.int32)
    for top in range(0, len(labels), ROWS):
        nearest = _look_along_rows(found[top : top + ROWS], base, ring.reach)
        held = (nearest >= (ring.gap**2 + 1) * base) & (nearest < (ring.reach**2 + 1) * base)
        out[top : top + ROWS] = nearest % base * held
    return out


def _look_along_columns(labels: np.ndarray, base: int, reach: int) -> None:
    """Make of labels (H, W) the least of their column, base * steps^2 added; in place.

    Steps are squared at the end: until then a step adds `base`, so that rows pass it on.
    """
    labels[labels == 0] = (reach + 1) * base
    for rows in (labels, labels[::-1]):
        for before, row in pairwise(rows):
            np.minimum(row, before + base, out=row)
    for top in range(0, len(labels), ROWS):
        strip = labels[top : top + ROWS]
        steps = strip // base
        strip += (steps**2 - steps) * base


def _look_along_rows(values: np.ndarray, base: int, reach: int) -> np.ndarray:
    """The least of each value (H, W) and those within reach in its row, base * steps^2 added."""
    out, farther = values.copy(), np.empty_like(values)
    for step in range(1, min(reach, values.shape[1] - 1) + 1):
        np.add(values, base * step**2, out=farther)
        np.minimum(out[:, step:], farther[:, :-step], out=out[:, step:])
        np.minimum(out[:, :-step], farther[:, step:], out=out[:, :-step])
    return out
