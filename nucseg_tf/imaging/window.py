"""Parts of an image: rectangles of pixels, and the blocks in which a large image is gone through.

H rows, W columns of the image.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

Shape = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """A rectangle of an image.

    Attributes:
        top, left, bottom, right: px, half-open.
        image: (H, W) of the whole image.
    """

    top: int
    left: int
    bottom: int
    right: int
    image: Shape

    @classmethod
    def whole(cls, shape: Shape) -> Window:
        """All of an image (H, W)."""
        return cls(0, 0, *shape, shape)

    @property
    def shape(self) -> Shape:
        """(h, w) of the rectangle."""
        return self.bottom - self.top, self.right - self.left

    @property
    def corner(self) -> Shape:
        """Its first pixel."""
        return self.top, self.left

    @property
    def slices(self) -> tuple[slice, slice]:
        """What cuts it out of an array (H, W)."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def grown(self, margin: int) -> Window:
        """The rectangle with a margin, px, as far as the image goes."""
        height, width = self.image
        return Window(
            max(0, self.top - margin),
            max(0, self.left - margin),
            min(height, self.bottom + margin),
            min(width, self.right + margin),
            self.image,
        )

    def scaled(self, shape: Shape) -> Window:
        """The smallest window of the same image at another size (h, w) that covers this one."""
        spans = []
        for low, high, length, other in zip(
            self.corner, (self.bottom, self.right), self.image, shape, strict=True
        ):
            spans.append((low * other // length, -(-high * other // length)))
        (top, bottom), (left, right) = spans
        return Window(top, left, bottom, right, shape)


def blocks(shape: Shape, side: int) -> Iterator[Window]:
    """Divide an image (H, W) into nearly equal blocks of at most `side` px, row by row.

    >>> [block.slices[1] for block in blocks((5, 9), 5)]
    [slice(0, 4, None), slice(4, 9, None)]
    """
    tops, lefts = (_cuts(length, side) for length in shape)
    for top, bottom in pairwise(tops):
        for left, right in pairwise(lefts):
            yield Window(top, left, bottom, right, shape)


def _cuts(length: int, side: int) -> list[int]:
    count = max(1, -(-length // side))
    return [number * length // count for number in range(count + 1)]
