"""Means that losses are made of."""

from __future__ import annotations

from keras import ops


def mean_over(values, weight):
    """Weighted mean; 0 where all weights are."""
    return ops.sum(values * weight) / ops.maximum(ops.sum(weight), 1.0)
