"""Rings around nuclei: what is close to each, and to no other more.

H rows, W columns. A background pixel whose nearest nucleus pixel is d px away (between centres)
belongs to the ring of that nucleus if gap < d <= gap + width. Of several nuclei equally near, the
one with the lowest label has it. So rings never overlap, hold no pixel of any nucleus, and end
where the image does; a nucleus that others enclose has none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nucseg_tf.errors import UsageError

ROWS = 64  # that are gone through together: they stay in the processor's cache


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

    >>> draw_rings(np.array([[0, 0, 0, 7, 0, 0, 5]]), Ring(0, 2)).tolist()
    [[0, 7, 7, 0, 7, 5, 0]]
    """
    out = np.zeros(labels.shape, np.int32)
    for top in range(0, len(labels), ROWS):
        first = max(0, top - ring.reach)
        strip = labels[first : top + ROWS + ring.reach]
        if strip.any():
            out[top : top + ROWS] = _draw(strip, ring)[top - first :][:ROWS]
    return out


def _draw(labels: np.ndarray, ring: Ring) -> np.ndarray:
    """What `draw_rings` gives, right where all within reach is there.

    Each pixel looks for the least (squared distance, label), written as one number: first along
    its column, then among what the columns around found.
    """
    base = int(labels.max()) + 1
    square = ring.reach**2
    # The farthest is one beyond the reach, and has the squares of steps added to it.
    kind = np.int32 if (2 * square + 1) * base <= np.iinfo(np.int32).max else np.int64
    found: np.ndarray = labels.astype(kind)
    found[found == 0] = (square + 1) * base
    for axis in (0, 1):
        found = _nearest(found, base, ring.reach, axis)
    held = (found >= (ring.gap**2 + 1) * base) & (found < (square + 1) * base)
    out = np.zeros(labels.shape, np.int32)
    out[held] = found[held] % base
    return out


def _nearest(values: np.ndarray, base: int, reach: int, axis: int) -> np.ndarray:
    """The least of each value and those within reach along an axis, plus base * steps^2."""
    out = values.copy()
    source, target = (values, out) if axis == 0 else (values.T, out.T)
    farther = np.empty_like(values)
    moved = farther if axis == 0 else farther.T
    for step in range(1, min(reach, len(source) - 1) + 1):
        np.add(source, base * step**2, out=moved)
        np.minimum(target[step:], moved[:-step], out=target[step:])
        np.minimum(target[:-step], moved[step:], out=target[:-step])
    return out
