"""Sums that XLA compiles quickly, and into quick code."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf


def count_bins(bins, count: int):
    """How often each of 0 to count - 1 is in `bins`; (N,) int32 to (count,) int32."""
    # tf.math.bincount has no number of bins that is known to the compiler
    nothing = tf.constant([], tf.int32)
    return tf.raw_ops.DenseBincount(input=bins, size=count, weights=nothing)


def cumulate(values):
    """Sums along rows, as products of matrices; (N, L) float32, where L is a square.

    tf.cumsum takes ten times as long when compiled, and the compiler half a minute.
    """
    side = math.isqrt(values.shape[1])
    upper = np.triu(np.ones((side, side), np.float32))
    within = tf.matmul(tf.reshape(values, [-1, side]), upper)
    before = tf.matmul(tf.reshape(within[:, -1], [-1, side]), np.triu(upper, 1))
    return tf.reshape(within + tf.reshape(before, [-1, 1]), values.shape)
