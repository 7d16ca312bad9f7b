"""To the intensities and the scale that the model was trained at."""

from __future__ import annotations

import numpy as np

from nucseg_tf.errors import UsageError
from nucseg_tf.imaging.tiling import resize
from nucseg_tf.inference.options import Options
from nucseg_tf.inference.stages.values import Scaled
from nucseg_tf.io.normalise import find_limits, stretch
from nucseg_tf.models.zoo import ModelInfo
from nucseg_tf.types import Image

ZOOM_LIMITS = (1 / 8, 8.0)  # beyond these, --diameter or --pixel-size is surely a slip


class Scale:
    """The second stage.

    Args:
        info: normalisation, diameter and pixel size of the model.
        options: diameter; or the pixel size that images bring.
    """

    def __init__(self, info: ModelInfo, options: Options):
        self.info, self.options = info, options

    def __call__(self, image: Image) -> Scaled:
        """Normalise by percentiles of the whole image, and resize.

        Raises:
            UsageError: as `find_zoom`.
        """
        zoom = find_zoom(self.info, image.pixel_size, self.options.diameter)
        percentiles = self.info.normalisation
        limits = find_limits(image.pixels, percentiles.low, percentiles.high)
        return Scaled(image, resize(stretch(image.pixels, limits), zoom), zoom)


def find_zoom(info: ModelInfo, pixel_size: float | None, diameter: float | None) -> float:
    """The factor that brings an image to the scale that the model was trained at.

    Args:
        info: diameter (px) and pixel size (µm) of the training images.
        pixel_size: of the image, µm.
        diameter: of its typical nucleus, px; goes before `pixel_size`.

    Raises:
        UsageError: if one is no positive number, or the factor beyond `ZOOM_LIMITS`.
    """
    for name, value in (("--pixel-size", pixel_size), ("--diameter", diameter)):
        if value is not None and not (np.isfinite(value) and value > 0):
            raise UsageError(f"{name}: expected a positive number. Received: {value}.")
    factor = 1.0
    if diameter is not None:
        factor = info.diameter / diameter
    elif pixel_size is not None and info.pixel_size is not None:
        factor = pixel_size / info.pixel_size
    if not ZOOM_LIMITS[0] <= factor <= ZOOM_LIMITS[1]:
        raise UsageError(
            f"--diameter or --pixel-size: would rescale the image by {factor:.3g}, beyond "
            f"{ZOOM_LIMITS[0]:g} to {ZOOM_LIMITS[1]:g}. Diameters are in pixels; the model "
            f"was trained at {info.diameter:.0f} px."
        )
    return 1.0 if abs(factor - 1) < 0.02 else factor
