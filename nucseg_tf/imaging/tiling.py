"""Dense prediction of images of any size: pad, cut into tiles, predict, blend.

A field is padded by mirroring (training ignores a shoulder, so the network is not to be trusted
right at an edge) up to a multiple of the network's stride. Tiles start at multiples of the
stride, so that a pixel sees the same sampling grid in every tile; the outer half of the halo is
thrown away and the inner half blended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np

STRIDE = 32  # px; the deepest level of the encoders
MARGIN = 16  # px mirrored around the field; twice the shoulder that training ignores

Predictor = Callable[[np.ndarray], np.ndarray]  # (B, h, w, 1) -> (B, h, w, K)


def resize(image: np.ndarray, zoom: float) -> np.ndarray:
    """Resize an image (H, W) float32 by a factor; each side keeps one pixel at least."""
    if zoom == 1:
        return image
    height, width = (max(1, round(length * zoom)) for length in image.shape)
    interpolation = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, (width, height), interpolation=interpolation)


def padded_length(length: int, tile: int) -> int:
    """The length that the network is to see for one of the image, px.

    Each shape is compiled once, which takes seconds; so short images come in few lengths, at most
    eight between one power of two and the next. Powers of two themselves are padded least.

    Returns:
        A multiple of `STRIDE`, `length` and two margins or more.
    """
    whole = -(-length // STRIDE) * STRIDE
    step = max(STRIDE, 2 ** ((length - 1).bit_length() - 4))
    rounded = min(-(-length // step) * step + 2 * MARGIN, tile)
    return max(rounded, whole + 2 * MARGIN)


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
    """Weights of one tile along one axis: 0 in the outer half halo, a ramp, then 1.

    At the ends of the field there is nothing to blend with, and the weight is 1.

    Returns:
        (size,) float32 in [0, 1].
    """
    position = np.arange(size, dtype=np.float32) + 0.5
    ramp = max(halo / 2, 1)
    weights = np.ones(size, np.float32)
    if start > 0:
        weights = np.minimum(weights, np.clip((position - halo / 2) / ramp, 0, 1))
    if start + size < length:
        weights = np.minimum(weights, np.clip((size - position - halo / 2) / ramp, 0, 1))
    return weights


def tiles(
    shape: tuple[int, int], tile: int, halo: int
) -> Iterator[tuple[slice, slice, np.ndarray]]:
    """Product of the tiles along both axes: rows, columns and (h, w) weights of each."""
    height, width = shape
    tall, wide = fit_tile(height, tile, halo), fit_tile(width, tile, halo)
    for y0 in tile_starts(height, tall, halo):
        rows = slice(y0, y0 + tall)
        for x0 in tile_starts(width, wide, halo):
            columns = slice(x0, x0 + wide)
            vertical = tile_weights(height, y0, rows.stop - y0, halo)
            horizontal = tile_weights(width, x0, columns.stop - x0, halo)
            yield rows, columns, vertical[:, None] * horizontal


def predict_maps(predict: Predictor, image: np.ndarray, tile: int, halo: int) -> np.ndarray:
    """Maps of one image.

    Args:
        predict: the network, (B, h, w, 1) float32 to (B, h, w, K).
        image: (H, W) float32, normalised.
        tile: side of the tiles, px.
        halo: px on each side of a tile that only serve as context.

    Returns:
        (H, W, K) float32.
    """
    height, width = image.shape
    padding = [(MARGIN, padded_length(length, tile) - length - MARGIN) for length in image.shape]
    padded = np.pad(image, padding, "symmetric")
    parts = list(tiles(padded.shape, tile, halo))
    inner = (slice(MARGIN, MARGIN + height), slice(MARGIN, MARGIN + width))
    if len(parts) == 1:
        return predict(padded[None, ..., None])[0][inner]
    total = np.zeros((*padded.shape, 1), np.float32)
    weights = np.zeros(padded.shape, np.float32)
    for rows, columns, weight in parts:
        maps = predict(padded[None, rows, columns, None])[0]
        if total.shape[-1] != maps.shape[-1]:
            total = np.zeros((*padded.shape, maps.shape[-1]), np.float32)
        total[rows, columns] += maps * weight[..., None]
        weights[rows, columns] += weight
    return total[inner] / weights[inner][..., None]
