"""What the network gives of an image; the stage that takes most of the time."""

from __future__ import annotations

from nucseg_tf.families.base import Family, Run
from nucseg_tf.inference.options import Options
from nucseg_tf.inference.stages.values import Predicted, Scaled
from nucseg_tf.schema import Thresholds


class Network:
    """The third stage.

    Args:
        family: of the network.
        run: the compiled network, from `Family.runner`.
        options: tile and tta.
        thresholds: of the decoding to come.
    """

    def __init__(self, family: Family, run: Run, options: Options, thresholds: Thresholds):
        self.family, self.run = family, run
        self.tile, self.tta = options.tile or family.tile, options.tta
        self.thresholds = thresholds

    def __call__(self, scaled: Scaled) -> Predicted:
        """Run the network, in tiles where the image is large."""
        image, shape = scaled.image, scaled.image.pixels.shape
        if not scaled.pixels.any():  # a constant image: nothing to see
            return Predicted(image, self.family.empty(shape))
        raw = self.run(scaled.pixels, self.tile, self.tta, self.thresholds)
        if image.zoom != 1:
            raw = self.family.rescale(raw, shape, image.zoom)
        return Predicted(image, raw)
