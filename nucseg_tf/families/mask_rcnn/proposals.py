"""The region proposal network, and the proposals that it makes.

B images, A anchors, K candidates, P proposals, C channels.
Source: Ren et al., "Faster R-CNN" (2015), section 3.
"""

from __future__ import annotations

import keras
from keras import layers, ops

from nucseg_tf.families.mask_rcnn import boxes as coding
from nucseg_tf.families.mask_rcnn.config import SMALLEST_SIDE
from nucseg_tf.families.mask_rcnn.nms import suppress

NOWHERE = -1e9  # score of what is no candidate


def build_rpn(channels: int, hidden: int, ratios: int) -> keras.Model:
    """The head that slides over each level of the pyramid.

    Args:
        channels: C of the levels.
        hidden: channels of its own.
        ratios: anchors a cell.

    Returns:
        Model from (B, h, w, C) to logits (B, h, w, ratios) and offsets (B, h, w, 4 * ratios).
    """
    level = layers.Input((None, None, channels))
    small = keras.initializers.RandomNormal(stddev=0.01)
    x = layers.Conv2D(hidden, 3, padding="same", activation="relu", name="rpn_conv")(level)
    logits = layers.Conv2D(ratios, 1, kernel_initializer=small, name="rpn_logits")(x)
    offsets = layers.Conv2D(4 * ratios, 1, kernel_initializer=small, name="rpn_offsets")(x)
    return keras.Model(level, [logits, offsets], name="rpn")


def run_rpn(rpn: keras.Model, levels):
    """Logits (B, A) and offsets (B, A, 4) of all levels, in the order of `anchors_of`."""
    logits, offsets = [], []
    for level in levels:
        of_level, moves = rpn(level)
        height, width = ops.shape(of_level)[1:3]
        count = height * width * of_level.shape[3]
        logits.append(ops.reshape(of_level, (-1, count)))
        offsets.append(ops.reshape(moves, (-1, count, 4)))
    return ops.concatenate(logits, 1), ops.concatenate(offsets, 1)


def large_enough(boxes):
    """Whether both sides of boxes (..., 4) are `SMALLEST_SIDE` or longer."""
    return ops.min(boxes[..., 2:] - boxes[..., :2], -1) >= SMALLEST_SIDE


def best_boxes(boxes, logits, valid, count: int, threshold: float):
    """The best boxes that overlap no better one too much.

    Args:
        boxes: (B, K, 4), the best first.
        logits: (B, K).
        valid: (B, K) bool.
        count: how many are wanted.
        threshold: IoU above which the worse of two is dropped.

    Returns:
        (B, count, 4) boxes, (B, count) logits and (B, count) bool, whether each is one; what is
        none is all 0.
    """
    kept = suppress(boxes, valid, threshold)
    best, index = ops.top_k(ops.where(kept, logits, NOWHERE), min(count, boxes.shape[1]))
    there = best > NOWHERE / 2
    found = ops.take_along_axis(boxes, ops.expand_dims(index, -1), axis=1)
    found = ops.where(ops.expand_dims(there, -1), found, 0.0)
    best = ops.where(there, best, 0.0)
    missing = count - best.shape[1]
    if missing > 0:  # fewer candidates than places
        found = ops.pad(found, ((0, 0), (0, missing), (0, 0)))
        best, there = (ops.pad(x, ((0, 0), (0, missing))) for x in (best, there))
    return found, best, there


def propose(
    logits,
    offsets,
    anchors,
    size: tuple[int, int],
    candidates: int,
    count: int,
    threshold: float,
):
    """Proposals: the anchors with the highest scores, moved, the overlapping ones dropped.

    Args:
        logits: (B, A).
        offsets: (B, A, 4).
        anchors: (A, 4).
        size: height and width of the image, px.
        candidates: K that are looked at.
        count: P.
        threshold: IoU above which the worse of two is dropped.

    Returns:
        (B, P, 4) boxes in the image, the best first; (B, P) logits; (B, P) bool, whether each is
        one.
    """
    best, index = ops.top_k(logits, min(candidates, logits.shape[1]))
    chosen = ops.take(anchors, index, axis=0)
    moves = ops.take_along_axis(offsets, ops.expand_dims(index, -1), axis=1)
    boxes = coding.clip(coding.decode(moves, chosen), *size)
    return best_boxes(boxes, best, large_enough(boxes), count, threshold)
