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
    (1994); what is clipped is shared out evenly once. All but the histogram is compiled by XLA,
    which does in one pass over the pixels what would take ten: twice as fast.

    Args:
        image: (H, W, 1) float32; clipped to [0, 1] first.
        clip_limit: largest count of a level in a tile, in multiples of the mean count.

    Returns:
        (H, W, 1) float32 in [0, 1].
    """
    levels, bins = _levels(image)
    count = TILES * TILES * LEVELS
    counts = tf.math.bincount(bins, minlength=count, maxlength=count)
    return _equalise(tf.reshape(counts, [-1, LEVELS]), levels, tf.cast(clip_limit, tf.float32))


@tf.function(jit_compile=True)
def _levels(image):
    """Levels (H, W) int32, and for each pixel of the tiles its bin: tile * LEVELS + level."""
    height, width = image.shape[:2]
    tall, wide = -(-height // TILES), -(-width // TILES)
    levels = tf.cast(tf.clip_by_value(image[..., 0], 0.0, 1.0) * (LEVELS - 1) + 0.5, tf.int32)
    padding = [[0, tall * TILES - height], [0, wide * TILES - width]]
    row, column = np.arange(tall * TILES) // tall, np.arange(wide * TILES) // wide
    first = ((row[:, None] * TILES + column) * LEVELS).astype(np.int32)
    return levels, tf.reshape(tf.pad(levels, padding, "REFLECT") + first, [-1])


@tf.function(jit_compile=True)
def _equalise(counts, levels, clip_limit):
    """Clip the counts of each tile, and map each pixel by the tables of the four tiles around."""
    height, width = levels.shape
    tall, wide = -(-height // TILES), -(-width // TILES)
    tables = _tables(counts, tall * wide, clip_limit)
    total = tf.zeros_like(levels, tf.float32)
    for row, down in _neighbours(height, tall):
        for column, right in _neighbours(width, wide):
            first = (row[:, None] * TILES + column) * LEVELS
            total += tf.gather(tables, first + levels) * (down[:, None] * right)
    return total[..., None] * (1 / (LEVELS - 1))


def _tables(counts, area: int, clip_limit):
    """The new level of each level, tile after tile; (tiles, LEVELS) to (tiles * LEVELS,)."""
    limit = tf.maximum(tf.cast(clip_limit * area / LEVELS, tf.int32), 1)
    kept = tf.minimum(counts, limit)
    excess = tf.reduce_sum(counts - kept, 1, keepdims=True)
    share, rest = excess // LEVELS, excess % LEVELS
    step = tf.maximum(LEVELS // tf.maximum(rest, 1), 1)
    place = tf.range(LEVELS)
    gets_one = (place % step == 0) & (place // step < rest)
    total = tf.cumsum(kept + share + tf.cast(gets_one, tf.int32), 1)
    new = tf.round(tf.cast(total, tf.float32) * ((LEVELS - 1) / area))
    return tf.reshape(tf.minimum(new, LEVELS - 1.0), [-1])


def _neighbours(length: int, tile: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Along one axis the tiles before and after each pixel, (L,) each, and their weights."""
    place = np.arange(length) / tile - 0.5
    before = np.floor(place).astype(np.int32)
    share = (place - before).astype(np.float32)
    return [
        (before.clip(0, TILES - 1), 1 - share),
        ((before + 1).clip(0, TILES - 1), share),
    ]


def random_clahe(image, labels, seed, clip_limit):
    """`adjust_clahe`."""
    return adjust_clahe(image, uniform(seed, clip_limit)), labels
