"""What a model sees in a window of an image: at the intensities and the scale of the whole image.

So nuclei in the middle of a window come out as of the whole, in a small part of the time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nucseg_tf.imaging.normalise import Limits, find_limits
from nucseg_tf.imaging.raster import Resized, Stretched
from nucseg_tf.imaging.resample import scaled_shape
from nucseg_tf.imaging.window import Shape, Window
from nucseg_tf.inference.options import Options
from nucseg_tf.inference.segmenter import Segmenter
from nucseg_tf.inference.stages.values import Level, Predicted, Scaled
from nucseg_tf.types import Image

SIDE = 288  # px at the model's scale: with its margins 320, which suits the networks
CENTRE = 96  # px of it, about the middle, where nuclei are seen whole: some three diameters more


@dataclass(frozen=True)
class Survey:
    """What windows take from the whole image.

    Attributes:
        image: without pixels; with the zoom, and the diameter if it sets that.
        limits: intensities that become 0 and 1; None: there is nothing to see.
        zooms: those of regions with nuclei of other sizes, as a rule none.
        diameter: of the typical nucleus, px, as the model sees it.
    """

    image: Image
    limits: Limits | None
    zooms: tuple[float, ...]
    diameter: float


def survey(segmenter: Segmenter, pixels: np.ndarray, pixel_size: float | None = None) -> Survey:
    """Look at a whole image once.

    Args:
        segmenter: whose normalisation and scale are asked for.
        pixels: (H, W).
        pixel_size: µm.
    """
    scaled = segmenter.scale(pixels, Options(pixel_size=pixel_size))
    percentiles = segmenter.info.normalisation
    return Survey(
        image=replace(scaled.image, pixels=pixels[:0, :0].copy()),  # windows outlive the image
        limits=find_limits(pixels, percentiles.low, percentiles.high),
        zooms=tuple(level.zoom for level in scaled.further),
        diameter=segmenter.info.diameter / scaled.image.zoom,
    )


def window_at(shape: Shape, place: tuple[int, int], zoom: float) -> Window:
    """A window with a place in its middle part; places near each other have the same.

    Windows lie on a grid, and within the image, so that nearly all are of one size.

    Args:
        shape: (H, W) of the image.
        place: row and column, px.
        zoom: by which the image is enlarged for the network.
    """
    side, step = max(1, round(SIDE / zoom)), max(1, round(CENTRE / zoom))
    spans = []
    for length, here in zip(shape, place, strict=True):
        first = (here // step) * step - (side - step) // 2
        low = max(0, min(first, length - side))
        spans.append((low, min(length, low + side)))
    (top, bottom), (left, right) = spans
    return Window(top, left, bottom, right, shape)


def predict_window(
    segmenter: Segmenter, pixels: np.ndarray, window: Window, whole: Survey
) -> Predicted:
    """What the network gives of a window, for all thresholds of the family's grid.

    Args:
        segmenter: the model.
        pixels: (H, W), the whole image.
        window: of it.
        whole: of `survey`.

    Returns:
        Of an image that is the window alone.
    """
    part = pixels[window.slices].copy()
    seen = None if whole.limits is None else Stretched(part, whole.limits)

    def at(zoom: float) -> Stretched | Resized | None:
        if seen is None or zoom == 1:
            return seen
        return Resized(seen, scaled_shape(part.shape, zoom))

    image = replace(whole.image, pixels=part)
    further = tuple(Level(zoom, at(zoom)) for zoom in whole.zooms)
    widest = segmenter.family.widest(segmenter.thresholds)
    return segmenter.look(Scaled(image, at(image.zoom), further), Options(), widest)
