"""What the network gives of an image; the stage that takes most of the time."""

from __future__ import annotations

import logging
from typing import Any

from nucseg_tf.errors import MemoryLimitError
from nucseg_tf.families.base import Family, Run
from nucseg_tf.imaging.memory import explain, is_exhausted
from nucseg_tf.imaging.raster import Raster
from nucseg_tf.inference.options import Options
from nucseg_tf.inference.stages.values import Level, Predicted, Scaled
from nucseg_tf.schema import Thresholds

LOG = logging.getLogger(__name__)


class Network:
    """The third stage.

    Args:
        family: of the network.
        run: the compiled network, from `Family.runner`.
        options: tile and tta.
        thresholds: of the decoding to come; those of `Family.at_scale` where the diameter is known.
        tile: px, instead of that of the options.
    """

    def __init__(
        self,
        family: Family,
        run: Run,
        options: Options,
        thresholds: Thresholds,
        tile: int | None = None,
    ):
        self.family, self.run = family, run
        self.tile, self.tta = tile or options.tile or family.tile, options.tta
        self.thresholds = thresholds

    def __call__(self, scaled: Scaled) -> Predicted:
        """Run the network, in tiles where the image is large.

        Raises:
            MemoryLimitError: there is not the memory for the smallest tiles.
        """
        image, shape = scaled.image, scaled.image.pixels.shape
        if scaled.pixels is None:
            return Predicted(image, self.family.empty(shape))
        known = image.diameter is not None
        thresholds = self.family.at_scale(self.thresholds) if known else self.thresholds

        def look(pixels: Raster) -> Any:
            raw = self._run(pixels, thresholds, str(image.path))
            return raw if pixels.shape == shape else self.family.rescale(raw, pixels.shape, shape)

        raw = look(scaled.pixels)
        further = tuple(Level(level.zoom, look(level.data)) for level in scaled.further)
        return Predicted(image, raw, further, scaled.regions)

    def _run(self, pixels: Raster, thresholds: Thresholds, name: str) -> Any:
        """What the network gives; in smaller tiles, from then on, where memory does not suffice."""
        while True:
            tile = self.tile
            try:
                return self.run(pixels, tile, self.tta, thresholds)
            except Exception as error:
                if not is_exhausted(error):
                    raise
                smaller = self.family.smaller_tile(min(tile, max(pixels.shape)))
                if smaller is None:
                    raise MemoryLimitError(f"{name}: {explain(error)}") from error
            LOG.warning("%s: out of memory in tiles of %d px; tiles of %d px", name, tile, smaller)
            self.tile = min(self.tile, smaller)
