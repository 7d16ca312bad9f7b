"""From what the network gave to nuclei; needs no network."""

from __future__ import annotations

import numpy as np

from nucseg_tf.families.base import Family
from nucseg_tf.inference.stages.values import Found, Level, Predicted
from nucseg_tf.scale.choose import choose
from nucseg_tf.schema import Thresholds
from nucseg_tf.types import Instances


class Decode:
    """The fourth stage.

    Args:
        family: of the network.
        thresholds: of its decoding.
        diameter: px, of the nuclei that the model knows best.
    """

    def __init__(self, family: Family, thresholds: Thresholds, diameter: float):
        self.family, self.thresholds, self.diameter = family, thresholds, diameter

    def __call__(self, predicted: Predicted) -> Found:
        """Label the nuclei of an image."""
        image, regions = predicted.image, predicted.regions
        levels = (Level(image.zoom, predicted.raw), *predicted.further)
        views = [self._decode(level, image.pixels.shape) for level in levels]
        if regions is None:
            return Found(image, views[0])
        zooms = [level.zoom for level in levels]
        instances, chosen = choose(views, zooms, self.diameter, regions)
        return Found(image, instances, np.array(zooms)[chosen])

    def _decode(self, level: Level, shape: tuple[int, int]) -> Instances:
        return self.family.decode(level.data, shape, self.thresholds.at(level.zoom))
