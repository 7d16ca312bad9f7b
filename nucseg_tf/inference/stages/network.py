"""What the network gives of an image; the stage that takes most of the time."""

from __future__ import annotations

from typing import Any

from nucseg_tf.families.base import Family, Run
from nucseg_tf.imaging.raster import Raster
from nucseg_tf.inference.options import Options
from nucseg_tf.inference.stages.values import Level, Predicted, Scaled
from nucseg_tf.schema import Thresholds


class Network:
    """The third stage.

    Args:
        family: of the network.
        run: the compiled network, from `Family.runner`.
        options: tile and tta.
        thresholds: of the decoding to come; those of `Family.at_scale` where the diameter is known.
    """

    def __init__(self, family: Family, run: Run, options: Options, thresholds: Thresholds):
        self.family, self.run = family, run
        self.tile, self.tta = options.tile or family.tile, options.tta
        self.thresholds = thresholds

    def __call__(self, scaled: Scaled) -> Predicted:
        """Run the network, in tiles where the image is large."""
        image, shape = scaled.image, scaled.image.pixels.shape
        if scaled.pixels is None:
            return Predicted(image, self.family.empty(shape))
        known = image.diameter is not None
        thresholds = self.family.at_scale(self.thresholds) if known else self.thresholds

        def look(pixels: Raster) -> Any:
            raw = self.run(pixels, self.tile, self.tta, thresholds)
            return raw if pixels.shape == shape else self.family.rescale(raw, pixels.shape, shape)

        raw = look(scaled.pixels)
        further = tuple(Level(level.zoom, look(level.data)) for level in scaled.further)
        return Predicted(image, raw, further, scaled.regions)
