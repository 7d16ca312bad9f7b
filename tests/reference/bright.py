"""A model that sees what is bright, for clicks into drawn disks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import ClassVar

import numpy as np

from nucseg_tf.imaging.components import components
from nucseg_tf.inference.options import Options
from nucseg_tf.inference.stages.scale import Scale
from nucseg_tf.inference.stages.values import Predicted, Scaled
from nucseg_tf.schema import Thresholds
from nucseg_tf.types import Image, Instances


class Cut(Thresholds):
    """Of the model below."""

    level: float = 0.5


class Bright:
    """A family and a segmenter in one: nuclei are what is brighter than a level."""

    grid: ClassVar = {"level": (0.2, 0.5, 0.9), "min_area": (0, 12)}
    thresholds = Cut()
    info = SimpleNamespace(
        normalisation=SimpleNamespace(low=0.0, high=100.0),
        diameter=20.0,
        pixel_size=None,
        find_diameter=False,
    )

    def __init__(self) -> None:
        self.family = self
        self.looked = 0

    def scale(self, pixels: np.ndarray, options: Options) -> Scaled:
        return Scale(self.info, options)(Image(pixels, options.pixel_size, "array"))

    def look(self, scaled: Scaled, options: Options, thresholds: Cut) -> Predicted:
        from nucseg_tf.imaging.window import Window

        self.looked += 1
        return Predicted(scaled.image, scaled.pixels.read(Window.whole(scaled.pixels.shape)))

    def widest(self, thresholds: Cut) -> Cut:
        return thresholds

    def decode(self, raw, window, thresholds: Cut) -> Instances:
        labels, count = components(raw[window.slices] > thresholds.level)
        return Instances(labels, np.ones(count, np.float32))


def disk(shape: tuple[int, int], row: float, column: float, radius: float) -> np.ndarray:
    """(H, W) bool."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(y - row, x - column) <= radius
