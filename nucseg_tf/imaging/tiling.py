"""Dense prediction of images of any size: pad, cut into tiles, predict, blend.

A field is padded by mirroring (training ignores a shoulder, so the network is not to be trusted
right at an edge) up to a multiple of the network's stride. Tiles start at multiples of the
stride, so that a pixel sees the same sampling grid in every tile. Inside of the network, a tile's
edge has zeros beyond it, which is felt as far as the network sees, less and less; so each pixel is
taken from the tile that sees furthest around it, and only a narrow strip is blended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from nucseg_tf.imaging.raster import Raster, Turned, read_mirrored
from nucseg_tf.imaging.scratch import Slices, cut, put, scratch
from nucseg_tf.imaging.symmetry import turn

STRIDE = 32  # px; the deepest level of the encoders
MARGIN = 16  # px mirrored around the field; twice the shoulder that training ignores
TINY = 256  # px, up to which a stride is much of a side
BLENDED = 16  # px on each side of the middle between two tiles; so that there is no step

Predictor = Callable[[np.ndarray], np.ndarray]  # (B, h, w, 1) -> (B, h, w, K)


@dataclass(frozen=True)
class Tile:
    """A part of an image that the network sees at a time.

    Attributes:
        rows, columns: px of the image, from below 0 to beyond its end.
        vertical, horizontal: (h,) and (w,) float32, whose product is the weight of its maps among
            those of its neighbours.
    """

    rows: range
    columns: range
    vertical: np.ndarray
    horizontal: np.ndarray

    @property
    def weights(self) -> np.ndarray:
        """(h, w) float32."""
        return self.vertical[:, None] * self.horizontal

    def within(self, shape: tuple[int, int]) -> tuple[Slices, Slices]:
        """What of the tile lies in the image (H, W), and where there."""
        spans = list(zip((self.rows, self.columns), shape, strict=True))
        inner, outer = [], []
        for span, length in spans:
            low, high = max(0, span.start), min(length, span.stop)
            outer.append(slice(low, high))
            inner.append(slice(low - span.start, high - span.start))
        return (inner[0], inner[1]), (outer[0], outer[1])


def padded_length(length: int) -> int:
    """The length that the network is to see for one of the image, px, in whatever tiles.

    What an engine does once for a shape costs it as much as some 0.3 megapixels; so images that are
    not tiny come in multiples of two strides, for the few more pixels.

    Returns:
        A multiple of `STRIDE`, `length` and two margins or more.
    """
    least = length + 2 * MARGIN
    step = STRIDE if least <= TINY else 2 * STRIDE
    return -(-least // step) * step


def fit_tile(length: int, tile: int, halo: int, step: int = STRIDE) -> int:
    """The smallest tile that covers a length in as few tiles as the largest allowed would.

    Args:
        length: px, a multiple of `step`.
        tile: largest tile, px.
        halo: px.
        step: px.

    Returns:
        A multiple of `step`, at most `tile`.
    """
    if length <= tile:
        return length
    count = -(-(length - 2 * halo) // (tile - 2 * halo))
    share = -(-(length - 2 * halo) // count) + 2 * halo
    return min(-(-share // step) * step, tile)


def tile_starts(length: int, tile: int, halo: int) -> list[int]:
    """First pixels of tiles that cover a length and overlap by two halos at least.

    Args:
        length: px, a multiple of `STRIDE`.
        tile: px, a multiple of `STRIDE`, larger than two halos.
        halo: px, a multiple of `STRIDE`.

    Returns:
        Ascending multiples of `STRIDE`; the last tile ends at `length`.
    """
    if length <= tile:
        return [0]
    step = tile - 2 * halo
    return [*range(0, length - tile, step), length - tile]


def tile_weights(length: int, start: int, size: int, halo: int) -> np.ndarray:
    """Weights of one tile along one axis: 0 in the halo, a short ramp about its end, then 1.

    At the ends of the field there is nothing to blend with, and the weight is 1.

    Returns:
        (size,) float32 in [0, 1].
    """
    position = np.arange(size, dtype=np.float32) + 0.5
    weights = np.ones(size, np.float32)
    for neighbour, away in ((start > 0, position), (start + size < length, size - position)):
        if neighbour:
            ramp = (away - halo + BLENDED) / (2 * BLENDED)
            weights = np.minimum(weights, np.clip(ramp, 0, 1))
    return weights


def tiles(shape: tuple[int, int], tile: int, halo: int) -> Iterator[Tile]:
    """Tiles that cover an image (H, W), padded, and whose weights add up to 1 everywhere."""
    height, width = (_axis_tiles(length, tile, halo) for length in shape)
    for rows, vertical in height:
        for columns, horizontal in width:
            yield Tile(rows, columns, vertical, horizontal)


def _axis_tiles(length: int, tile: int, halo: int) -> list[tuple[range, np.ndarray]]:
    """Pixels of the tiles along one axis, from -`MARGIN` on, and their weights."""
    padded = padded_length(length)
    size = fit_tile(padded, tile, halo)
    starts = tile_starts(padded, size, halo)
    weights = [tile_weights(padded, start, size, halo) for start in starts]
    total = np.zeros(padded, np.float32)
    for start, weight in zip(starts, weights, strict=True):
        total[start : start + size] += weight
    return [
        (range(start - MARGIN, start - MARGIN + size), weight / total[start : start + size])
        for start, weight in zip(starts, weights, strict=True)
    ]


def predict_maps(
    predict: Predictor, raster: Raster, tile: int, halo: int, tta: int = 1
) -> np.ndarray:
    """Maps of one image.

    Args:
        predict: the network, (B, h, w, 1) float32 to (B, h, w, K).
        raster: (H, W), normalised.
        tile: side of the tiles, px.
        halo: px on each side of a tile that only serve as context.
        tta: over how many symmetries of the square the mean is taken.

    Returns:
        (H, W, K) float32, in a temporary file if they are large.
    """
    total: np.ndarray = np.zeros(0)
    for number in range(tta):
        turned = Turned(raster, number)
        parts = list(tiles(turned.shape, tile, halo))
        for part in parts:
            pixels = read_mirrored(turned, part.rows, part.columns)
            maps = predict(pixels[None, ..., None])[0]
            inner, slices = part.within(turned.shape)
            if len(parts) == tta == 1:
                return maps[inner]
            if not total.size:
                total = scratch((*raster.shape, maps.shape[-1]), np.float32)
            view = turn(total, number)
            weight = part.weights[inner] / np.float32(tta)
            put(view, slices, cut(view, slices) + maps[inner] * weight[..., None])
    return total
