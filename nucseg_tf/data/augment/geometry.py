"""Changes of where pixels are; image and labels move alike, labels by nearest neighbour."""

from __future__ import annotations

import math

import tensorflow as tf

from nucseg_tf.data.augment.draw import IGNORED, other, uniform


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


def adjust_affine(image, matrix, nearest: bool = False):
    """Sample an image at matrix @ (row, column, 1), measured from its centre.

    Args:
        image: (H, W, 1); with `nearest` integers are allowed.
        matrix: (2, 2) float32, from places in the result to places in `image`.
        nearest: nearest neighbour, IGNORED outside; otherwise bilinear, mirrored outside.

    Returns:
        (H, W, 1) in the type of `image`.
    """
    height, width = image.shape[:2]
    cy, cx = (height - 1) / 2, (width - 1) / 2
    a, b, c, d = tf.unstack(tf.reshape(matrix, [4]))
    # The operation wants (x, y), and the offset that leaves the centre where it is.
    rows = [d, c, cx - d * cx - c * cy, b, a, cy - b * cx - a * cy, 0.0, 0.0]
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=image[None],
        transforms=tf.stack(rows)[None],
        output_shape=[height, width],
        fill_value=float(IGNORED),
        interpolation="NEAREST" if nearest else "BILINEAR",
        fill_mode="CONSTANT" if nearest else "REFLECT",
    )[0]


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


def smooth_displacement(height: int, width: int, magnitude, spacing, seed):
    """Random displacements that change smoothly.

    Random vectors on a grid of `spacing` px, blended by Gaussian weights as wide as the grid.

    Args:
        height: H.
        width: W.
        magnitude: root mean square, px.
        spacing: px.
        seed: (2,) int32.

    Returns:
        (2, H, W) float32: rows and columns to add, px.
    """

    def weights(length: int):
        count = tf.cast(length / spacing, tf.int32) + 2
        centres = tf.linspace(0.0, length - 1.0, count)
        apart = (tf.range(length, dtype=tf.float32)[:, None] - centres) / spacing
        found = tf.exp(-0.5 * tf.square(apart))
        return found / tf.reduce_sum(found, 1, keepdims=True)

    rows, columns = weights(height), weights(width)
    grid = tf.random.stateless_normal([2, tf.shape(rows)[1], tf.shape(columns)[1]], seed)
    field = tf.matmul(rows, tf.matmul(grid, columns, transpose_b=True))
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
    flat = tf.reshape(image, [-1])
    rows = displacement[0] + tf.range(height, dtype=tf.float32)[:, None]
    columns = displacement[1] + tf.range(width, dtype=tf.float32)
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
    places = tf.math.floormod(places + 0.5, period)
    places = tf.minimum(places, period - places) - 0.5
    return tf.clip_by_value(places, 0.0, length - 1.0)


def random_elastic(image, labels, seed, magnitude, spacing):
    """Bend the ROI smoothly."""
    seeds = tf.random.split(seed, 2)
    height, width = image.shape[:2]
    field = smooth_displacement(
        height, width, uniform(seeds[0], magnitude), uniform(seeds[1], spacing), other(seed)
    )
    moved = adjust_elastic(labels[..., None], field, nearest=True)[..., 0]
    return adjust_elastic(image, field), moved
