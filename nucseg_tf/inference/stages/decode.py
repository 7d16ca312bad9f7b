"""From what the network gave to nuclei; needs no network."""

from __future__ import annotations

from nucseg_tf.families.base import Family
from nucseg_tf.inference.stages.values import Found, Predicted
from nucseg_tf.schema import Thresholds


class Decode:
    """The fourth stage.

    Args:
        family: of the network.
        thresholds: of its decoding.
    """

    def __init__(self, family: Family, thresholds: Thresholds):
        self.family, self.thresholds = family, thresholds

    def __call__(self, predicted: Predicted) -> Found:
        """Label the nuclei of an image."""
        image = predicted.image
        thresholds = self.thresholds.at(image.zoom)
        return Found(image, self.family.decode(predicted.raw, image.pixels.shape, thresholds))
