"""Tells how far planes are, and stops between their tiles.

The network asks a raster for each of its tiles, so one that tells of this works for all families.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nucseg_tf.imaging.raster import Raster
from nucseg_tf.imaging.window import Shape, Window
from nucseg_tf.inference.stages.values import Level, Scaled

Watch = Callable[[float, str], bool]  # share done, and the plane at work, to whether to go on


class StoppedError(Exception):
    """Whoever watched said no."""


class Watched:
    """A stage before the network: from then on, each tile that is read is told of.

    Args:
        watch: is told.
        count: of planes.
        title: of what is at work first.
    """

    def __init__(self, watch: Watch, count: int, title: str):
        self._watch, self._count, self._title = watch, count, title
        self._done = 0
        self._parts: list[_Heard] = []

    def __call__(self, scaled: Scaled) -> Scaled:
        """The same image, of which each tile is told of.

        Raises:
            StoppedError: it is time to stop, as it may be whenever a tile is read.
        """
        self.still(scaled)
        if scaled.pixels is None:
            return scaled
        first = _Heard(scaled.pixels, self._hear)
        others = [_Heard(level.data, self._hear) for level in scaled.further]
        self._parts = [first, *others]
        zooms = (level.zoom for level in scaled.further)
        return replace(scaled, pixels=first, further=tuple(map(Level, zooms, others)))

    def still(self, value: Any) -> Any:
        """A stage that passes on what it is given, unless it is time to stop."""
        self._hear()
        return value

    def next(self, title: str) -> None:
        """A plane is done."""
        self._done, self._parts, self._title = self._done + 1, [], title
        self._hear()

    def _hear(self) -> None:
        pixels = sum(part.shape[0] * part.shape[1] for part in self._parts)
        seen = sum(part.seen for part in self._parts)
        share = (self._done + seen / max(pixels, 1)) / self._count
        if not self._watch(share, self._title):
            raise StoppedError


@dataclass
class _Heard:
    """A raster that tells of each window before it is read.

    Attributes:
        raster: what is read, window by window, row by row.
        hear: is called.
        seen: pixels up to the last window; no fewer where it is read again, turned.
    """

    raster: Raster
    hear: Callable[[], None]
    seen: int = 0

    @property
    def shape(self) -> Shape:
        """(H, W)."""
        return self.raster.shape

    def read(self, window: Window) -> np.ndarray:
        """The pixels of a window, float32."""
        self.hear()
        pixels = self.raster.read(window)
        above, here = window.top * self.shape[1], (window.bottom - window.top) * window.right
        self.seen = max(self.seen, above + here)
        return pixels
