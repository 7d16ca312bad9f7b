"""Augmentation of one ROI, as TensorFlow graph operations.

H, W  height and width of the ROI, known when the graph is made
image (H, W, 1) float32, background near 0 and nuclei near 1; a policy ends by clipping to LIMITS
labels (H, W) int32, 0 background, IGNORED where nothing is known; they stay integers
seed  (2,) int32; the same seed gives the same result, in eager mode, in a graph and in tf.data

Every operation has two forms: `adjust_*(image, ...)` does what its arguments say, and
`random_*(image, labels, seed, ...)` draws the arguments from ranges (low, high), once a ROI.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from nucseg_tf.data.augment import contrast, filters, geometry, noise
from nucseg_tf.data.augment.draw import split, uniform
from nucseg_tf.policy import OPERATIONS
from nucseg_tf.types import IGNORED

__all__ = ["IGNORED", "LIMITS", "OPERATION", "apply_steps", "compile_steps"]

LIMITS = (-0.5, 2.0)
MODULES = (geometry, contrast, filters, noise)
# name -> random_name(image, labels, seed, **ranges)
OPERATION: dict[str, Callable] = {
    name: next(getattr(m, f"random_{name}") for m in MODULES if hasattr(m, f"random_{name}"))
    for name in OPERATIONS
}


def apply_steps(steps: Sequence[dict[str, Any]], image, labels, seed):
    """Apply the steps of a policy, then clip to `LIMITS`.

    Args:
        steps: as `nucseg_tf.policy.check_steps` returns them.
        image: (H, W, 1) float32.
        labels: (H, W) int32.
        seed: (2,) int32.

    Returns:
        Image and labels of the same shapes and types.
    """
    image, labels = _sequence(steps, image, labels, seed)
    return tf.clip_by_value(image, *LIMITS), labels


def compile_steps(steps: Sequence[dict[str, Any]]) -> Callable:
    """`apply_steps` for one policy, as one program made by XLA.

    A policy is hundreds of small operations, of which each ROI takes some. Compiled, what is not
    taken costs nothing, and a chain of operations passes over the pixels once.

    Returns:
        Function of image, labels and seed; it is compiled anew for each shape.
    """
    return tf.function(
        lambda image, labels, seed: apply_steps(steps, image, labels, seed),
        jit_compile=True,
        autograph=False,
    )


def _sequence(steps: Sequence[dict[str, Any]], image, labels, seed):
    seeds = split(seed, max(len(steps), 1))
    for number, step in enumerate(steps):
        image, labels = _step(step, image, labels, seeds[number])
    return image, labels


def _step(step: dict[str, Any], image, labels, seed):
    ((name, content),) = step.items()
    if name in OPERATION:
        return OPERATION[name](image, labels, seed, **content)
    if name == "sequence":
        return _sequence(content, image, labels, seed)
    own, inner = tf.unstack(split(seed, 2))
    if name == "one_of":
        branches = [lambda step=step: _step(step, image, labels, inner) for step in content]
        return tf.switch_case(uniform(own, (0, len(content) - 1), whole=True), branches)
    return tf.cond(
        uniform(own, (0.0, 1.0)) < content["probability"],
        lambda: _sequence(content["steps"], image, labels, inner),
        lambda: (image, labels),
    )
