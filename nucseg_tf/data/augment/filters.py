"""Blur: what a defocused lens or a smoothing filter does."""

from __future__ import annotations

import tensorflow as tf

from nucseg_tf.data.augment.draw import uniform


def _blur_matrix(length: int, sigma):
    """Rows are Gaussians about each place, what lies beyond the ends mirrored in; (L, L)."""
    place = tf.range(length, dtype=tf.float32)
    scale = -0.5 / tf.square(tf.maximum(tf.cast(sigma, tf.float32), 1e-3))

    def bell(centre):
        return tf.exp(tf.square(place[:, None] - centre) * scale)

    # The end pixels are not repeated, as in OpenCV's BORDER_REFLECT_101.
    left = tf.where(place > 0, bell(-place), 0.0)
    right = tf.where(place < length - 1, bell(2.0 * (length - 1) - place), 0.0)
    weights = bell(place) + left + right
    return weights / tf.reduce_sum(weights, 1, keepdims=True)


def adjust_gaussian_blur(image, sigma):
    """Gaussian blur, by one matrix product an axis: as fast for any sigma.

    Args:
        image: (H, W, 1) float32.
        sigma: px; 0 leaves the image as it is. The kernel is not cut off.

    Returns:
        (H, W, 1) float32.
    """
    height, width = image.shape[:2]
    rows = _blur_matrix(height, sigma)
    columns = rows if height == width else _blur_matrix(width, sigma)
    half = tf.matmul(image[..., 0], columns, transpose_b=True)
    return tf.matmul(rows, half)[..., None]


def random_gaussian_blur(image, labels, seed, sigma):
    """`adjust_gaussian_blur`."""
    return adjust_gaussian_blur(image, uniform(seed, sigma)), labels


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
    if len(arrays) != 2 * rank - 1:
        raise ValueError(f"expected the middle of an odd number. Received: {rank}, {len(arrays)}")
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
