"""The five losses of Mask R-CNN; each is 0 where there is nothing to compare.

N boxes, any leading shape; M cells a side of a mask. `weight` is 1 where an entry counts.
Source: Ren et al., "Faster R-CNN" (2015), and He et al., "Mask R-CNN" (2017), section 3.
"""

from __future__ import annotations

from keras import ops

from nucseg_tf.layers.losses import mean_over

BEND = 1.0 / 9.0  # offset below which the box loss is quadratic, as in common implementations


def binary(logits, target, weight):
    """Binary cross-entropy; (N...) logits, targets in [0, 1] and weights to a scalar."""
    values = ops.binary_crossentropy(target, logits, from_logits=True)
    return mean_over(values, weight)


def smooth_l1(offsets, target, weight):
    """Smooth L1 over the four offsets of boxes; (N..., 4), (N..., 4), (N...) to a scalar."""
    error = ops.abs(offsets - target)
    values = ops.where(error < BEND, 0.5 * error * error / BEND, error - 0.5 * BEND)
    return mean_over(ops.sum(values, -1), weight)
