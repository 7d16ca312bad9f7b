"""Blur: what a defocused lens or a smoothing filter does."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from nucseg_tf.data.augment.draw import uniform

STRIP = 32  # px; rows or columns that are blurred by one product


def adjust_gaussian_blur(image, sigma, radius: int):
    """Gaussian blur, by products with a band matrix, in strips.

    Args:
        image: (H, W, 1) float32.
        sigma: px; 0 leaves the image as it is.
        radius: px, where the kernel is cut off.

    Returns:
        (H, W, 1) float32; the edges are mirrored, as in OpenCV's BORDER_REFLECT_101.
    """
    place = tf.range(-radius, radius + 1, dtype=tf.float32)
    kernel = tf.exp(-0.5 * tf.square(place / tf.maximum(tf.cast(sigma, tf.float32), 1e-3)))
    kernel /= tf.reduce_sum(kernel)
    tap = np.arange(STRIP + 2 * radius) - np.arange(STRIP)[:, None]
    inside = (tap >= 0) & (tap <= 2 * radius)
    band = tf.where(inside, tf.gather(kernel, tap.clip(0, 2 * radius)), 0.0)
    height, width = image.shape[:2]
    padded = _mirrored(image[..., 0], radius, height, axis=0)
    strips = [padded[first : first + band.shape[1]] for first in range(0, height, STRIP)]
    half = tf.concat([tf.matmul(band, strip) for strip in strips], 0)[:height]
    padded = _mirrored(half, radius, width, axis=1)
    strips = [padded[:, first : first + band.shape[1]] for first in range(0, width, STRIP)]
    found = tf.concat([tf.matmul(strip, band, transpose_b=True) for strip in strips], 1)
    return found[:, :width, None]


def _mirrored(image, radius: int, length: int, axis: int):
    """Pad an axis by `radius` mirrored px on each side, and to whole strips."""
    rest = -length % STRIP
    if radius < length and not rest:
        padding = [[radius, radius], [0, 0]] if axis == 0 else [[0, 0], [radius, radius]]
        return tf.pad(image, padding, "REFLECT")
    place = np.pad(np.arange(length), (radius, radius + rest), "reflect")  # as often as it takes
    return tf.gather(image, place, axis=axis)


def random_gaussian_blur(image, labels, seed, sigma):
    """`adjust_gaussian_blur`, cut off at four times the largest sigma."""
    return adjust_gaussian_blur(image, uniform(seed, sigma), math.ceil(4 * sigma[1])), labels


def adjust_median_blur(image, width: int):
    """Median of the square of `width` px around each pixel; edges are repeated.

    Columns are sorted once for all the squares they are part of, then the rows of what came out.
    In a matrix sorted both ways, element (a, b), counted from 1, has a * b - 1 others below it at
    least, so that only a diagonal band can hold the median.

    Args:
        image: (H, W, 1) float32.
        width: 1, 3 or 5.

    Returns:
        (H, W, 1) float32.
    """
    if width == 1:
        return image
    height, breadth = image.shape[:2]
    padded = image[..., 0]
    for _ in range(width // 2):
        padded = tf.pad(padded, [[1, 1], [1, 1]], "SYMMETRIC")
    columns = _sorted([padded[i : i + height] for i in range(width)])
    rows = [_sorted([c[:, i : i + breadth] for i in range(width)]) for c in columns]
    middle = width * width // 2 + 1
    below, band = 0, []
    for a in range(1, width + 1):
        for b in range(1, width + 1):
            if (width + 1 - a) * (width + 1 - b) > middle:
                below += 1
            elif a * b <= middle:
                band.append(rows[a - 1][b - 1])
    return _smallest(band, middle - below)[..., None]


def _sorted(arrays: list) -> list:
    """Sort arrays element by element, ascending."""
    found: list = []
    for array in arrays:
        for i, other in enumerate(found):
            found[i], array = tf.minimum(array, other), tf.maximum(array, other)
        found.append(array)
    return found


def _smallest(arrays: list, rank: int):
    """The `rank`-th smallest (from 1), element by element, without sorting all.

    Of the first rank + 1 arrays, or half of them and one more, neither the least nor the greatest
    can be the median; both are dropped, and one more is taken in.
    """
    pool, waiting = list(arrays[: rank + 1]), list(arrays[rank + 1 :])
    while True:
        pool = _ends_apart(pool)
        if not waiting:
            return pool[1]
        pool = [*pool[1:-1], waiting.pop(0)]


def _ends_apart(arrays: list) -> list:
    """Bring the least to the front and the greatest to the end, element by element."""
    found = list(arrays)
    for i in range(len(found) - 1):
        found[i], found[i + 1] = (
            tf.minimum(found[i], found[i + 1]),
            tf.maximum(found[i], found[i + 1]),
        )
    for i in range(len(found) - 2, 0, -1):
        found[i - 1], found[i] = (
            tf.minimum(found[i - 1], found[i]),
            tf.maximum(found[i - 1], found[i]),
        )
    return found


def random_median_blur(image, labels, seed, width):
    """`adjust_median_blur`; even widths act as the odd ones above them."""
    half = uniform(seed, width, whole=True) // 2
    widths = [lambda w=w: adjust_median_blur(image, w) for w in (1, 3, 5)]
    return tf.switch_case(half, widths), labels
