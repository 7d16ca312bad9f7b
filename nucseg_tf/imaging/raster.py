"""Images that are made when they are read, and only where: stretched, resized, turned.

H rows, W columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from nucseg_tf.imaging.normalise import Limits, stretch
from nucseg_tf.imaging.resample import needed, resample
from nucseg_tf.imaging.scratch import cut
from nucseg_tf.imaging.symmetry import turn, turn_boxes_back
from nucseg_tf.imaging.window import Shape, Window


class Raster(Protocol):
    """An image (H, W) of which windows can be read."""

    @property
    def shape(self) -> Shape:
        """(H, W)."""

    def read(self, window: Window) -> np.ndarray:
        """The pixels of a window, float32."""


@dataclass(frozen=True)
class Stretched:
    """An image with its limits brought to 0 and 1; without limits, 0 everywhere.

    Attributes:
        pixels: (H, W), any real type.
        limits: of `imaging.normalise.find_limits`.
    """

    pixels: np.ndarray
    limits: Limits | None = (0.0, 1.0)

    @property
    def shape(self) -> Shape:
        """(H, W)."""
        return self.pixels.shape

    def read(self, window: Window) -> np.ndarray:
        """The pixels of a window, float32."""
        return stretch(cut(self.pixels, window.slices), self.limits)


@dataclass(frozen=True)
class Plain:
    """An array (H, W) float32 as it is."""

    pixels: np.ndarray

    @property
    def shape(self) -> Shape:
        """(H, W)."""
        return self.pixels.shape

    def read(self, window: Window) -> np.ndarray:
        """The pixels of a window."""
        return cut(self.pixels, window.slices)


@dataclass(frozen=True)
class Resized:
    """An image at another size (H, W)."""

    raster: Raster
    shape: Shape

    def read(self, window: Window) -> np.ndarray:
        """The pixels of a window, float32."""
        if self.shape == self.raster.shape:
            return self.raster.read(window)
        of = needed(window, self.raster.shape, "cubic")
        return resample(self.raster.read(of), of, window)


@dataclass(frozen=True)
class Turned:
    """An image in one of the symmetries of the square, see `imaging.symmetry`."""

    raster: Raster
    number: int

    @property
    def shape(self) -> Shape:
        """(H, W), turned."""
        height, width = self.raster.shape
        return (width, height) if self.number // 2 % 2 else (height, width)

    def read(self, window: Window) -> np.ndarray:
        """The pixels of a window, float32."""
        box = np.array([*window.corner, window.bottom, window.right])
        back = turn_boxes_back(box, self.number, self.raster.shape)
        top, left, bottom, right = back.tolist()
        part = self.raster.read(Window(top, left, bottom, right, self.raster.shape))
        return turn(part, self.number)


def read_mirrored(raster: Raster, rows: range, columns: range) -> np.ndarray:
    """Pixels of a raster, mirrored at its edges where rows or columns lie beyond them."""
    spans = list(zip((rows, columns), raster.shape, strict=True))
    places = [_mirrored(span, length) for span, length in spans]
    (top, bottom), (left, right) = ((int(p.min()), int(p.max()) + 1) for p in places)
    part = raster.read(Window(top, left, bottom, right, raster.shape))
    if all(span.start >= 0 and span.stop <= length for span, length in spans):
        return part
    return part[np.ix_(places[0] - top, places[1] - left)]


def _mirrored(span: range, length: int) -> np.ndarray:
    """Indices within an axis; the pixel at its edge is repeated, as in NumPy's "symmetric"."""
    place = np.arange(span.start, span.stop) % (2 * length)
    return np.minimum(place, 2 * length - 1 - place)
