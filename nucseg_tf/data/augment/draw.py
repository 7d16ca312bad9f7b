"""Random numbers that depend on their seed alone."""

from __future__ import annotations

import math

import tensorflow as tf

IGNORED = -1  # label where nothing is known: beyond the field, or turned in from there


def uniform(seed, limits: tuple[float, float], log: bool = False, whole: bool = False):
    """One number from limits (low, high), both possible.

    Args:
        seed: (2,) int32.
        limits: low and high; equal ones leave no choice.
        log: log-uniform; limits above 0.
        whole: an int32.
    """
    low, high = limits
    if low == high:
        return tf.constant(int(low), tf.int32) if whole else tf.constant(low, tf.float32)
    if whole:
        return tf.random.stateless_uniform((), seed, int(low), int(high) + 1, tf.int32)
    if log:
        return tf.exp(tf.random.stateless_uniform((), seed, *map(_log, limits)))
    return tf.random.stateless_uniform((), seed, low, high)


def _log(value: float):
    return tf.math.log(tf.constant(value, tf.float32))


def other(seed):
    """A second seed from one, for the pixels, when the first has drawn the argument."""
    return seed + tf.constant([0, 0x5BD1E995], tf.int32)


def normals(shape, seed):
    """Normal numbers by Box and Muller's method (1958), twice as fast as TensorFlow's own.

    Args:
        shape: static; the number of elements is even.
        seed: (2,) int32.

    Returns:
        float32 of that shape; none is beyond 5.8.
    """
    pairs = tf.random.stateless_uniform((2, math.prod(shape) // 2), seed)
    radius = tf.sqrt(-2.0 * tf.math.log(1.0 - pairs[0]))
    angle = (2.0 * math.pi) * pairs[1]
    found = tf.concat([radius * tf.cos(angle), radius * tf.sin(angle)], 0)
    return tf.reshape(found, shape)
