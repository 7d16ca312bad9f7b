"""Changes of intensities that keep every pixel in its place."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from nucseg_tf.data.augment.draw import other, uniform
from nucseg_tf.data.augment.sums import count_bins, cumulate

LEVELS = 256
HIGHEST = 1e6  # of what gamma makes, so that nothing later becomes infinite
TILES = 8  # of CLAHE, along each side; as OpenCV's default
BINS = 4096  # of the histogram that finds a percentile, from 0 to the brightest


def adjust_gamma(image, gamma):
    """Raise what is above 0 to a power; the rest stays."""
    positive = tf.maximum(image, 1e-6)
    raised = tf.exp(gamma * tf.math.log(positive))  # faster than pow
    return tf.where(image > 0, tf.minimum(raised, HIGHEST), image)


def random_gamma(image, labels, seed, gamma):
    """`adjust_gamma`."""
    return adjust_gamma(image, uniform(seed, gamma, log=True)), labels


def random_multiply(image, labels, seed, factor):
    """Multiply by one factor."""
    return image * uniform(seed, factor, log=True), labels


def random_add(image, labels, seed, value):
    """Add one value."""
    return image + uniform(seed, value), labels


def adjust_saturation(image, fraction):
    """Clip the brightest pixels, as an exposure that was too long would, and make the limit 1.

    Args:
        image: (H, W, 1) float32.
        fraction: of the pixels that are clipped. Where it is 0, the brightest one becomes 1.

    Returns:
        (H, W, 1) float32, 1 at most; unchanged where that limit would be 0 or less. The limit is
        found to within a `BINS`-th of the brightest.
    """
    brightest = tf.maximum(tf.reduce_max(image), 1e-6)
    bins = tf.clip_by_value(tf.reshape(image, [-1]) * (BINS / brightest), 0.0, BINS - 1.0)
    counts = count_bins(tf.cast(bins, tf.int32), BINS)
    pixels = tf.cast(tf.size(image), tf.float32)
    above = pixels - cumulate(tf.cast(counts[None], tf.float32))
    first = tf.reduce_sum(tf.cast(above > fraction * pixels, tf.int32))
    limit = (tf.cast(first, tf.float32) + 0.5) * (brightest / BINS)
    limit = tf.minimum(limit, tf.reduce_max(image))
    return tf.where(limit > 0, tf.minimum(image, limit) / tf.maximum(limit, 1e-6), image)


def random_saturation(image, labels, seed, fraction):
    """`adjust_saturation`."""
    return adjust_saturation(image, uniform(seed, fraction)), labels


def adjust_illumination(image, strength, degrees):
    """Brighten one side and darken the other, as light that does not fill the field evenly.

    Args:
        image: (H, W, 1) float32.
        strength: of the change at the middle of an edge that lies across the gradient.
        degrees: direction of the bright side, counter-clockwise from the right.

    Returns:
        (H, W, 1) float32.
    """
    height, width = image.shape[:2]
    angle = degrees * (math.pi / 180)
    rows = tf.linspace(-1.0, 1.0, height)[:, None]
    columns = tf.linspace(-1.0, 1.0, width)
    plane = tf.cos(angle) * columns - tf.sin(angle) * rows
    return image * tf.maximum(1 + strength * plane, 0.0)[..., None]


def random_illumination(image, labels, seed, strength, degrees):
    """`adjust_illumination`."""
    return adjust_illumination(
        image, uniform(seed, strength), uniform(other(seed), degrees)
    ), labels


def adjust_clahe(image, clip_limit):
    """Contrast-limited adaptive histogram equalisation, as OpenCV's, in 256 levels of [0, 1].

    Source: Zuiderveld, "Contrast limited adaptive histogram equalization", Graphics Gems IV
    (1994); what is clipped is shared out evenly once.

    Args:
        image: (H, W, 1) float32; clipped to [0, 1] first.
        clip_limit: largest count of a level in a tile, in multiples of the mean count.

    Returns:
        (H, W, 1) float32 in [0, 1].
    """
    levels = tf.cast(tf.clip_by_value(image[..., 0], 0.0, 1.0) * (LEVELS - 1) + 0.5, tf.int32)
    tall, wide = (-(-length // TILES) for length in levels.shape)
    counts = _count_levels(levels, tall, wide)
    tables = _tables(counts, tall * wide, tf.cast(clip_limit, tf.float32))
    return _blend_tables(tables, levels, tall, wide)[..., None]


def _count_levels(levels, tall: int, wide: int):
    """Histogram of each tile of (tall, wide) px, edges mirrored; (TILES * TILES, LEVELS) int32."""
    height, width = levels.shape
    padding = [[0, tall * TILES - height], [0, wide * TILES - width]]
    row, column = np.arange(tall * TILES) // tall, np.arange(wide * TILES) // wide
    first = ((row[:, None] * TILES + column) * LEVELS).astype(np.int32)
    bins = tf.reshape(tf.pad(levels, padding, "REFLECT") + first, [-1])
    return tf.reshape(count_bins(bins, TILES * TILES * LEVELS), [-1, LEVELS])


def _tables(counts, area: int, clip_limit):
    """The new level of each level, tile by tile; (tiles, LEVELS) int32 to whole float32."""
    limit = tf.maximum(tf.floor(clip_limit * area / LEVELS), 1.0)
    kept = tf.minimum(tf.cast(counts, tf.float32), limit)
    excess = area - tf.reduce_sum(kept, 1, keepdims=True)
    share = tf.floor(excess / LEVELS)
    rest = excess - share * LEVELS
    step = tf.maximum(tf.floor(LEVELS / tf.maximum(rest, 1.0)), 1.0)
    place = tf.range(LEVELS, dtype=tf.float32)
    turn = tf.floor((place + 0.5) / step)
    one = tf.cast((turn * step == place) & (turn < rest), tf.float32)
    new = tf.round(cumulate(kept + share + one) * ((LEVELS - 1) / area))
    return tf.minimum(new, LEVELS - 1.0)


def _blend_tables(tables, levels, tall: int, wide: int):
    """Look each pixel up in the tables of the four tiles around, and blend; (H, W) in [0, 1].

    The four are packed into one number for each level, a byte each, so that one look-up a pixel
    does. Between the centres of four tiles lies a cell; there are (TILES + 1)^2 of them.
    """
    packed = tf.matmul(_packing(), tf.cast(tables, tf.float64))
    packed = tf.bitcast(tf.cast(tf.reshape(packed, [-1]), tf.uint32), tf.int32)
    (row, down), (column, right) = (
        _cells(length, tile) for length, tile in zip(levels.shape, (tall, wide), strict=True)
    )
    first = (row[:, None] * (TILES + 1) + column) * LEVELS
    found = tf.gather(packed, levels + first)
    four = [
        tf.cast(tf.bitwise.bitwise_and(tf.bitwise.right_shift(found, 8 * i), 255), tf.float32)
        for i in range(4)
    ]
    above, below = (four[i] * (1 - right) + four[i + 1] * right for i in (0, 2))
    return (above * (1 - down[:, None]) + below * down[:, None]) * (1 / (LEVELS - 1))


def _packing() -> np.ndarray:
    """Weights that pack the tables of the four tiles at the corners of each cell; (cells, tiles).

    In double precision, which is exact up to 2^53. Beyond the edge, a tile stands in for itself.
    """
    weights = np.zeros((TILES + 1, TILES + 1, TILES, TILES))
    cells = np.arange(TILES + 1)
    for byte, (down, right) in enumerate(np.ndindex(2, 2)):
        row, column = ((cells - 1 + step).clip(0, TILES - 1) for step in (down, right))
        weights[cells[:, None], cells, row[:, None], column] += 256.0**byte
    return weights.reshape((TILES + 1) ** 2, TILES**2)


def _cells(length: int, tile: int) -> tuple[np.ndarray, np.ndarray]:
    """Along one axis the cell of each pixel, (L,) int32, and how far into it the pixel lies."""
    place = np.arange(length) / tile + 0.5
    cell = np.floor(place).astype(np.int32)
    return cell, (place - cell).astype(np.float32)


def random_clahe(image, labels, seed, clip_limit):
    """`adjust_clahe`."""
    return adjust_clahe(image, uniform(seed, clip_limit)), labels
