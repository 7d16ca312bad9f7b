"""Changes of where pixels are; image and labels move alike, labels by nearest neighbour."""

from __future__ import annotations

import math

import tensorflow as tf

from nucseg_tf.data.augment.draw import normals, other, split, uniform
from nucseg_tf.types import IGNORED


def adjust_flip_left_right(image):
    """Mirror columns; (H, W, ...)."""
    return tf.reverse(image, [1])


def random_flip_left_right(image, labels, seed):
    """Mirror columns, always."""
    return adjust_flip_left_right(image), adjust_flip_left_right(labels)


def adjust_flip_up_down(image):
    """Mirror rows; (H, W, ...)."""
    return tf.reverse(image, [0])


def random_flip_up_down(image, labels, seed):
    """Mirror rows, always."""
    return adjust_flip_up_down(image), adjust_flip_up_down(labels)


def adjust_rotate90(image, turns):
    """Turn a square (S, S, ...) counter-clockwise by right angles; `turns` is 0 to 3."""
    order = [1, 0, *range(2, len(image.shape))]
    return tf.switch_case(
        turns,
        [
            lambda: image,
            lambda: tf.reverse(tf.transpose(image, order), [0]),
            lambda: tf.reverse(image, [0, 1]),
            lambda: tf.reverse(tf.transpose(image, order), [1]),
        ],
    )


def random_rotate90(image, labels, seed, turns):
    """Turn by right angles."""
    drawn = uniform(seed, turns, whole=True)
    return adjust_rotate90(image, drawn), adjust_rotate90(labels, drawn)


def _sample(image, rows, columns, nearest: bool):
    """Values of an image at places that need not be whole.

    Args:
        image: (H, W, 1); with `nearest` integers are allowed.
        rows: (H, W) float32, px.
        columns: (H, W) float32, px.
        nearest: nearest neighbour, IGNORED outside; otherwise bilinear, mirrored outside.

    Returns:
        (H, W, 1) in the type of `image`.
    """
    height, width = image.shape[:2]
    flat = tf.reshape(image, [-1])
    if nearest:
        row, column = (tf.cast(tf.round(v), tf.int32) for v in (rows, columns))
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        found = tf.gather(flat, tf.where(inside, row * width + column, 0))
        return tf.where(inside, found, tf.cast(IGNORED, found.dtype))[..., None]
    rows, columns = _mirror(rows, height), _mirror(columns, width)
    top = tf.cast(tf.minimum(tf.floor(rows), height - 2.0), tf.int32)
    left = tf.cast(tf.minimum(tf.floor(columns), width - 2.0), tf.int32)
    down, right = rows - tf.cast(top, tf.float32), columns - tf.cast(left, tf.float32)
    first = top * width + left
    upper = tf.gather(flat, first) * (1 - right) + tf.gather(flat, first + 1) * right
    first += width
    lower = tf.gather(flat, first) * (1 - right) + tf.gather(flat, first + 1) * right
    return (upper * (1 - down) + lower * down)[..., None]


def _mirror(places, length: int):
    """Mirror places beyond the edges back inside, edge pixels repeated (SciPy's "reflect")."""
    period = 2.0 * length
    places += 0.5
    places -= period * tf.floor(places * (1 / period))  # floormod is not vectorised
    places = tf.minimum(places, period - places) - 0.5
    return tf.clip_by_value(places, 0.0, length - 1.0)


def adjust_affine(image, matrix, nearest: bool = False):
    """Sample an image at matrix @ (row, column), measured from its centre.

    Args:
        image: (H, W, 1); with `nearest` integers are allowed.
        matrix: (2, 2) float32, from places in the result to places in `image`.
        nearest: nearest neighbour, IGNORED outside; otherwise bilinear, mirrored outside.

    Returns:
        (H, W, 1) in the type of `image`.
    """
    height, width = image.shape[:2]
    y, x = (height - 1) / 2, (width - 1) / 2
    rows = tf.range(height, dtype=tf.float32)[:, None] - y
    columns = tf.range(width, dtype=tf.float32) - x
    places = [matrix[i, 0] * rows + matrix[i, 1] * columns for i in range(2)]
    return _sample(image, places[0] + y, places[1] + x, nearest)


def _affine_both(image, labels, matrix):
    moved = adjust_affine(labels[..., None], matrix, nearest=True)[..., 0]
    return adjust_affine(image, matrix), moved


def random_rotate(image, labels, seed, degrees):
    """Turn by a free angle about the centre, counter-clockwise."""
    angle = uniform(seed, degrees) * (math.pi / 180)
    cosine, sine = tf.cos(angle), tf.sin(angle)
    matrix = tf.stack([[cosine, sine], [-sine, cosine]])
    return _affine_both(image, labels, matrix)


def random_resize(image, labels, seed, factor):
    """Enlarge (factor above 1) or shrink about the centre, in a frame of the same size."""
    return _affine_both(image, labels, tf.eye(2) / uniform(seed, factor, log=True))


def smooth_displacement(height: int, width: int, magnitude, spacing, seed, least: float = 1.0):
    """Random displacements that change smoothly.

    Random vectors on a grid of `spacing` px, blended by Gaussian weights as wide as the grid.

    Args:
        height: H.
        width: W.
        magnitude: root mean square, px.
        spacing: px.
        seed: (2,) int32.
        least: spacing that may come up, px; sets how many vectors are drawn.

    Returns:
        (2, H, W) float32: rows and columns to add, px.
    """

    def weights(length: int):
        most = int(length / least) + 2
        count = tf.floor(length / spacing) + 2.0
        number = tf.range(most, dtype=tf.float32)
        centres = number * ((length - 1.0) / (count - 1.0))
        apart = (tf.range(length, dtype=tf.float32)[:, None] - centres) / spacing
        found = tf.where(number < count, tf.exp(-0.5 * tf.square(apart)), 0.0)
        return found / tf.reduce_sum(found, 1, keepdims=True)

    rows, columns = weights(height), weights(width)
    grid = normals((2, rows.shape[1], columns.shape[1]), seed)
    blended = [tf.matmul(rows, tf.matmul(grid[i], columns, transpose_b=True)) for i in range(2)]
    field = tf.stack(blended)
    scale = tf.math.rsqrt(tf.reduce_mean(tf.square(field)) + 1e-12)
    return field * (scale * magnitude)


def adjust_elastic(image, displacement, nearest: bool = False):
    """Sample an image at displaced places.

    Args:
        image: (H, W, 1); with `nearest` integers are allowed.
        displacement: (2, H, W) float32, rows and columns, px.
        nearest: nearest neighbour, IGNORED outside; otherwise bilinear, mirrored outside.

    Returns:
        (H, W, 1) in the type of `image`.
    """
    height, width = image.shape[:2]
    rows = displacement[0] + tf.range(height, dtype=tf.float32)[:, None]
    columns = displacement[1] + tf.range(width, dtype=tf.float32)
    return _sample(image, rows, columns, nearest)


def random_elastic(image, labels, seed, magnitude, spacing):
    """Bend the ROI smoothly."""
    seeds = split(seed, 2)
    height, width = image.shape[:2]
    drawn = uniform(seeds[0], magnitude), uniform(seeds[1], spacing)
    field = smooth_displacement(height, width, *drawn, other(seed), spacing[0])
    moved = adjust_elastic(labels[..., None], field, nearest=True)[..., 0]
    return adjust_elastic(image, field), moved
