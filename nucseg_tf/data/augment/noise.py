"""Noise of cameras and of transmission, from one uniform or one normal number a pixel."""

from __future__ import annotations

import math

import tensorflow as tf

from nucseg_tf.data.augment.draw import normals, other, pixels, split, uniform
from nucseg_tf.data.augment.sums import cumulate

GREY = 255.0  # levels in which the rate of Poisson noise counts
MOST = 6.0  # standard deviations beyond the rate up to which Poisson numbers are tabulated


def adjust_impulse(image, probability, drawn):
    """Give some pixels a random value of [0, 1].

    Args:
        image: (H, W, 1) float32.
        probability: of each pixel.
        drawn: (H, W, 1) uniform in [0, 1); decides which, and gives the value.

    Returns:
        (H, W, 1) float32.
    """
    return tf.where(drawn < probability, drawn / tf.maximum(probability, 1e-6), image)


def random_impulse(image, labels, seed, probability):
    """`adjust_impulse`."""
    drawn = pixels(image.shape, other(seed))
    return adjust_impulse(image, uniform(seed, probability), drawn), labels


def adjust_salt_and_pepper(image, probability, drawn):
    """Make some pixels 0 and as many 1; arguments as of `adjust_impulse`."""
    changed = tf.where(drawn < probability, 1.0, image)
    return tf.where(drawn < 0.5 * probability, 0.0, changed)


def random_salt_and_pepper(image, labels, seed, probability):
    """`adjust_salt_and_pepper`."""
    drawn = pixels(image.shape, other(seed))
    return adjust_salt_and_pepper(image, uniform(seed, probability), drawn), labels


def adjust_dropout(image, probability, drawn):
    """Make some pixels 0; arguments as of `adjust_impulse`."""
    return tf.where(drawn < probability, 0.0, image)


def random_dropout(image, labels, seed, probability):
    """`adjust_dropout`."""
    drawn = pixels(image.shape, other(seed))
    return adjust_dropout(image, uniform(seed, probability), drawn), labels


def random_gaussian_noise(image, labels, seed, sigma):
    """Add normal noise."""
    drawn = normals(image.shape, other(seed))
    return image + uniform(seed, sigma) * drawn, labels


def random_camera_noise(image, labels, seed, sigma):
    """Add normal noise that grows with the root of the signal, as shot and read noise do."""
    drawn = normals(image.shape, other(seed))
    return image + drawn * uniform(seed, sigma) * tf.sqrt(0.3 + tf.maximum(image, 0.0)), labels


def poisson_numbers(rate, drawn, highest: float):
    """Poisson numbers by inversion: how many steps of the distribution function lie below.

    Args:
        rate: mean, above or equal 0.
        drawn: uniform in [0, 1), any shape.
        highest: rate that may come up; sets the length of the table.

    Returns:
        float32 whole numbers in the shape of `drawn`.
    """
    rate = tf.maximum(rate, 1e-6)
    bits = 2 * math.ceil(math.log2(highest + MOST * math.sqrt(highest) + 10.0) / 2)
    steps = tf.range(2**bits, dtype=tf.float32)
    logarithms = steps * tf.math.log(rate) - rate - tf.math.lgamma(steps + 1.0)
    distribution = cumulate(tf.exp(logarithms)[None])[0]
    below = tf.zeros(drawn.shape, tf.int32)
    for bit in reversed(range(bits)):  # binary search
        further = below + 2**bit
        below = tf.where(tf.gather(distribution, further - 1) <= drawn, further, below)
    # The sum of all steps may fall short of 1 by rounding, and a draw lie beyond its end.
    return tf.minimum(tf.cast(below, tf.float32), tf.floor(rate + MOST * tf.sqrt(rate) + 10.0))


def random_poisson(image, labels, seed, rate):
    """Add Poisson numbers, in grey levels of 255."""
    drawn = pixels(image.shape, other(seed))
    return image + poisson_numbers(uniform(seed, rate), drawn, rate[1]) / GREY, labels


def sometimes_blank(image, labels, seed, probability: float):
    """Now and then replace a ROI by a field without nuclei.

    That is smooth or raw noise, on the scale that normalisation by percentiles gives it.
    """
    seeds = split(seed, 3)

    def blank():
        field = normals(image.shape, seeds[0])
        smooth = tf.nn.avg_pool2d(field[None], 5, 1, "SAME")[0]
        smooth /= tf.math.reduce_std(smooth)
        field = tf.where(uniform(seeds[1], (0.0, 1.0)) < 0.5, smooth, field)
        return 0.45 + 0.19 * field, tf.zeros_like(labels)

    return tf.cond(uniform(seeds[2], (0.0, 1.0)) < probability, blank, lambda: (image, labels))
