"""To the intensities and the scale that the model was trained at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nucseg_tf.engines.base import Precision
from nucseg_tf.errors import UsageError
from nucseg_tf.imaging.normalise import find_limits
from nucseg_tf.imaging.raster import Raster, Resized, Stretched
from nucseg_tf.imaging.resample import scaled_shape
from nucseg_tf.inference.options import AUTO, Options, parse_diameter
from nucseg_tf.inference.stages.values import Level, Scaled
from nucseg_tf.models.zoo import ModelInfo
from nucseg_tf.scale.estimate import Diameter
from nucseg_tf.types import Image

ZOOM_LIMITS = (1 / 8, 8.0)  # beyond these, --diameter or --pixel-size is surely a slip
SAME = 0.02  # zooms this near to 1 are 1


class Scale:
    """The second stage.

    Args:
        info: normalisation, diameter and pixel size of the model.
        options: diameter; or the pixel size that images bring.
        engine: that computes the network for the diameter.
        precision: it computes in, if it can.
    """

    def __init__(
        self,
        info: ModelInfo,
        options: Options,
        engine: str = "auto",
        precision: Precision = "f32",
    ):
        self.info, self.diameter = info, parse_diameter(options.diameter)
        self.engine, self.precision = engine, precision

    def __call__(self, image: Image) -> Scaled:
        """Find the percentiles of the whole image, and its scale if need be.

        The pixels themselves are stretched and resized where the network reads them.

        Raises:
            UsageError: as `find_zoom`.
        """
        percentiles = self.info.normalisation
        limits = find_limits(image.pixels, percentiles.low, percentiles.high)
        stretched = None if limits is None else Stretched(image.pixels, limits)
        pixels = None if stretched is None else _square(stretched, image.aspect)
        if pixels is not None and self._is_to_be_found(image):
            return self._to_found(image, pixels, find_diameter(pixels, self.engine, self.precision))
        diameter = self.diameter if isinstance(self.diameter, float) else None
        zoom = find_zoom(self.info, image.pixel_size, self.diameter)
        return Scaled(replace(image, diameter=diameter, zoom=zoom), _zoomed(pixels, zoom))

    def _to_found(self, image: Image, pixels: Raster, found: Diameter | None) -> Scaled:
        """To the diameter that was found, or to those of the regions, the largest of them first."""
        if found is None:
            return Scaled(image, pixels)
        if found.regions is None or image.aspect != 1:  # regions are those of the image's pixels
            zoom = self._zoom_to(found.median)
            return Scaled(replace(image, diameter=found.median, zoom=zoom), _zoomed(pixels, zoom))
        kinds = zip(found.regions.shares, found.regions.diameters, strict=True)
        (_, diameter), *others = sorted(kinds, reverse=True)
        zoom = self._zoom_to(diameter)
        zooms = [self._zoom_to(other) for _, other in others]
        further = tuple(Level(other, _zoomed(pixels, other)) for other in zooms)
        image = replace(image, diameter=diameter, zoom=zoom)
        return Scaled(image, _zoomed(pixels, zoom), further, found.regions)

    def _zoom_to(self, diameter: float) -> float:
        return _within_limits(self.info.diameter / diameter)

    def _is_to_be_found(self, image: Image) -> bool:
        if self.diameter is not None:
            return self.diameter == AUTO
        by_pixel_size = self.info.pixel_size is not None and image.pixel_size is not None
        return self.info.find_diameter and not by_pixel_size


def _square(pixels: Raster, aspect: float) -> Raster:
    """The image with pixels as high as they are wide."""
    if aspect == 1:
        return pixels
    height, width = pixels.shape
    return Resized(pixels, (max(1, round(height * aspect)), width))


def _zoomed(pixels: Raster | None, zoom: float) -> Raster | None:
    if pixels is None or zoom == 1:
        return pixels
    return Resized(pixels, scaled_shape(pixels.shape, zoom))


def find_diameter(
    pixels: Raster, engine: str = "auto", precision: Precision = "f32"
) -> Diameter | None:
    """The typical diameter of the nuclei of a normalised image; see `scale.estimate`."""
    from nucseg_tf.scale.finder import load_finder

    return load_finder(engine, precision=precision)(pixels)


def _within_limits(zoom: float) -> float:
    return _or_one(min(max(zoom, ZOOM_LIMITS[0]), ZOOM_LIMITS[1]))


def _or_one(zoom: float) -> float:
    return 1.0 if abs(zoom - 1) < SAME else zoom


def find_zoom(info: ModelInfo, pixel_size: float | None, diameter: float | str | None) -> float:
    """The factor that brings an image to the scale that the model was trained at.

    Args:
        info: diameter (px) and pixel size (µm) of the training images.
        pixel_size: of the image, µm.
        diameter: of its typical nucleus, px; goes before `pixel_size`. "native" is a zoom of 1, and
            so is "auto" here, where no image is at hand.

    Raises:
        UsageError: if one is no positive number, or the factor beyond `ZOOM_LIMITS`.
    """
    diameter = parse_diameter(diameter)
    if pixel_size is not None and not (np.isfinite(pixel_size) and pixel_size > 0):
        raise UsageError(f"--pixel-size: expected a positive number. Received: {pixel_size}.")
    if isinstance(diameter, str):
        return 1.0
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
    return _or_one(factor)
