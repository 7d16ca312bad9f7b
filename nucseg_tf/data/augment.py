"""Random changes of one ROI, as TensorFlow graph operations.

Images are (S, S, 1) float32, background near 0 and nuclei near 1, and stay in [-0.5, 2]. Every
function is pure: the same `seed`, an int32 tensor of shape (2,), gives the same result.
"""

from __future__ import annotations

import tensorflow as tf

from nucseg_tf.config import Augment

LIMITS = (-0.5, 2.0)


def _uniform(seed, low: float, high: float):
    return tf.random.stateless_uniform((), seed, low, high)


def flip_rotate(image, labels, seed):
    """One of the eight symmetries of the square, the same for image and labels."""
    number = tf.random.stateless_uniform((), seed, 0, 8, tf.int32)
    labels = labels[..., None]

    def turn(x):
        x = tf.image.rot90(x, number % 4)
        return tf.cond(number >= 4, lambda: tf.image.flip_left_right(x), lambda: x)

    return turn(image), turn(labels)[..., 0]


def gamma(image, seed, limits: tuple[float, float]):
    """Raise the positive part to a power drawn log-uniformly from `limits`."""
    power = tf.exp(_uniform(seed, *(tf.math.log(limit) for limit in limits)))
    return tf.where(image > 0, tf.pow(tf.maximum(image, 1e-6), power), image)


def gain_offset(image, seed, gain: tuple[float, float], offset: tuple[float, float]):
    """Multiply and shift."""
    seeds = tf.random.split(seed, 2)
    return image * _uniform(seeds[0], *gain) + _uniform(seeds[1], *offset)


def dim(image, seed, limits: tuple[float, float]):
    """Multiply by a factor drawn log-uniformly from `limits`."""
    return image * tf.exp(_uniform(seed, *(tf.math.log(limit) for limit in limits)))


def blur(image, seed, sigma: tuple[float, float]):
    """Gaussian blur by a separable kernel, sigma in px."""
    width = _uniform(seed, *sigma)
    radius = int(3 * sigma[1] + 0.5)
    steps = tf.range(-radius, radius + 1, dtype=tf.float32)
    kernel = tf.exp(-0.5 * tf.square(steps / width))
    kernel /= tf.reduce_sum(kernel)
    padding = [[radius, radius], [radius, radius], [0, 0]]
    x = tf.pad(image, padding, "REFLECT")[None]
    x = tf.nn.conv2d(x, tf.reshape(kernel, (-1, 1, 1, 1)), 1, "VALID")
    return tf.nn.conv2d(x, tf.reshape(kernel, (1, -1, 1, 1)), 1, "VALID")[0]


def noise(image, seed, sigma: tuple[float, float]):
    """Gaussian noise that grows with the square root of the signal, as of a camera."""
    seeds = tf.random.split(seed, 2)
    drawn = tf.random.stateless_normal(tf.shape(image), seeds[0])
    return image + drawn * _uniform(seeds[1], *sigma) * tf.sqrt(0.3 + tf.maximum(image, 0.0))


def blank(image, labels, seed):
    """A field without nuclei: smooth or raw noise on the scale that normalisation gives it."""
    seeds = tf.random.split(seed, 2)
    field = tf.random.stateless_normal(tf.shape(image), seeds[0])
    smooth = tf.nn.avg_pool2d(field[None], 5, 1, "SAME")[0]
    smooth /= tf.math.reduce_std(smooth)
    field = tf.where(_uniform(seeds[1], 0.0, 1.0) < 0.5, smooth, field)
    return 0.45 + 0.19 * field, tf.zeros_like(labels)


def _sometimes(probability: float, change, image, seed):
    seeds = tf.random.split(seed, 2)
    return tf.cond(
        _uniform(seeds[0], 0.0, 1.0) < probability, lambda: change(image, seeds[1]), lambda: image
    )


def augment(image, labels, seed, policy: Augment, blank_probability: float = 0.0):
    """Geometry, then intensities, then blur or noise.

    Args:
        image: (S, S, 1) float32.
        labels: (S, S) int32.
        seed: (2,) int32.
        policy: probabilities and ranges.
        blank_probability: share of ROIs replaced by an empty field.

    Returns:
        Image and labels of the same shapes.
    """
    shape = image.shape
    seeds = tf.random.split(seed, 8)
    image, labels = flip_rotate(image, labels, seeds[0])
    image, labels = tf.cond(
        _uniform(seeds[1], 0.0, 1.0) < blank_probability,
        lambda: blank(image, labels, seeds[2]),
        lambda: (image, labels),
    )
    image = gamma(image, seeds[3], policy.gamma)
    image = gain_offset(image, seeds[4], policy.gain, policy.offset)
    image = _sometimes(
        policy.blur_probability, lambda x, s: blur(x, s, policy.blur_sigma), image, seeds[5]
    )
    image = _sometimes(
        policy.noise_probability, lambda x, s: noise(x, s, policy.noise_sigma), image, seeds[6]
    )
    image = _sometimes(policy.dim_probability, lambda x, s: dim(x, s, policy.dim), image, seeds[7])
    return tf.ensure_shape(tf.clip_by_value(image, *LIMITS), shape), labels
