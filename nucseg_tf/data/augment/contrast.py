"""Changes of intensities that keep every pixel in its place."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from nucseg_tf.data.augment.draw import other, uniform

LEVELS = 256
TILES = 8  # of CLAHE, along each side; as OpenCV's default
BINS = 4096  # of the histogram that finds a percentile, over [0, RANGE]
RANGE = 2.0


def adjust_gamma(image, gamma):
    """Raise what is above 0 to a power; the rest stays."""
    positive = tf.maximum(image, 1e-6)
    return tf.where(image > 0, tf.exp(gamma * tf.math.log(positive)), image)  # faster than pow


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
        found to within `RANGE` / `BINS`.
    """
    values = tf.clip_by_value(image, 0.0, RANGE)
    bins = tf.cast(tf.reshape(values, [-1]) * (BINS / RANGE), tf.int32)
    counts = tf.math.bincount(bins, minlength=BINS + 1, maxlength=BINS + 1)
    above = tf.cumsum(counts, exclusive=True, reverse=True)
    allowed = fraction * tf.cast(tf.size(image), tf.float32)
    first = tf.argmax(tf.cast(tf.cast(above, tf.float32) <= allowed, tf.int32))
    limit = (tf.cast(first, tf.float32) + 0.5) * (RANGE / BINS)
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
    height, width = image.shape[:2]
    tall, wide = -(-height // TILES), -(-width // TILES)
    levels = tf.cast(tf.clip_by_value(image[..., 0], 0.0, 1.0) * (LEVELS - 1) + 0.5, tf.int32)
    padded = tf.pad(levels, [[0, tall * TILES - height], [0, wide * TILES - width]], "REFLECT")
    tables = _equalising_tables(padded, tall, wide, clip_limit)
    # Where four tiles meet lies a cell; in it a pixel blends the four tables around.
    tables = tf.pad(tables, [[1, 1], [1, 1], [0, 0]], "SYMMETRIC")
    corners = [tables[:-1, :-1], tables[:-1, 1:], tables[1:, :-1], tables[1:, 1:]]
    stacked = tf.transpose(tf.reshape(tf.stack(corners), [4, -1]))  # (cells * LEVELS, 4)
    cells, weights = _blending(height, width, tall, wide)
    around = tf.gather(stacked, cells + levels)  # (H, W, 4)
    return tf.reduce_sum(around * weights, -1, keepdims=True) * (1 / (LEVELS - 1))


def _equalising_tables(levels, tall: int, wide: int, clip_limit):
    """The new level of each level, tile by tile: (TILES, TILES, LEVELS) float32."""
    area = tall * wide
    tiles = tf.transpose(tf.reshape(levels, [TILES, tall, TILES, wide]), [0, 2, 1, 3])
    tiles = tf.reshape(tiles, [TILES * TILES, area])
    counts = tf.math.bincount(tiles, minlength=LEVELS, maxlength=LEVELS, axis=-1)
    limit = tf.maximum(tf.cast(clip_limit * area / LEVELS, tf.int32), 1)
    kept = tf.minimum(counts, limit)
    excess = tf.reduce_sum(counts - kept, 1, keepdims=True)
    share, rest = excess // LEVELS, excess % LEVELS
    step = tf.maximum(LEVELS // tf.maximum(rest, 1), 1)
    place = tf.range(LEVELS)
    gets_one = (place % step == 0) & (place // step < rest)
    counts = kept + share + tf.cast(gets_one, tf.int32)
    total = tf.cast(tf.cumsum(counts, 1), tf.float32)
    tables = tf.minimum(tf.round(total * ((LEVELS - 1) / area)), LEVELS - 1.0)
    return tf.reshape(tables, [TILES, TILES, LEVELS])


def _blending(height: int, width: int, tall: int, wide: int) -> tuple[np.ndarray, np.ndarray]:
    """For each pixel the first entry of its cell's tables, (H, W), and four weights, (H, W, 4)."""
    places = []
    for length, tile in ((height, tall), (width, wide)):
        place = np.arange(length) / tile - 0.5
        first = np.floor(place).astype(np.int32)
        places.append((first + 1, (place - first).astype(np.float32)))  # + 1: padded tables
    (row, down), (column, right) = places
    cells = (row[:, None] * (TILES + 1) + column) * LEVELS
    vertical = np.stack([1 - down, 1 - down, down, down], -1)[:, None]
    horizontal = np.stack([1 - right, right, 1 - right, right], -1)[None]
    return cells.astype(np.int32), (vertical * horizontal).astype(np.float32)


def random_clahe(image, labels, seed, clip_limit):
    """`adjust_clahe`."""
    return adjust_clahe(image, uniform(seed, clip_limit)), labels
