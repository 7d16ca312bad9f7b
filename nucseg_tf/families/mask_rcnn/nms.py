"""Non-maximum suppression, exact and of static shape.

K  boxes, in the order of their scores, the best first
"""

from __future__ import annotations

from keras import ops

from nucseg_tf.families.mask_rcnn.boxes import iou


def suppress(boxes, valid, threshold: float):
    """Which boxes stay: those that overlap no better one that stays.

    Greedy suppression looks at one box after the other. Here all are looked at at once, again and
    again: a box stays while no better one that (so far) stays overlaps it. The answer is settled
    from the best box down, one or more boxes a round, and is greedy's once a round changes
    nothing; that takes as many rounds as the longest chain of overlaps, a handful.

    Args:
        boxes: (B, K, 4), the best first.
        valid: (B, K) bool; others neither stay nor suppress.
        threshold: IoU above which a box is suppressed.

    Returns:
        (B, K) bool.
    """
    count = boxes.shape[1]
    earlier = ops.tril(ops.ones((count, count), "bool"), -1)  # [i, j]: j is better than i
    rivals = ops.logical_and(iou(boxes, boxes) > threshold, earlier)
    rivals = ops.cast(rivals, "float32")

    def stays(kept):
        beaten = ops.squeeze(ops.matmul(rivals, ops.expand_dims(ops.cast(kept, "float32"), -1)), -1)
        return ops.logical_and(valid, beaten < 0.5)

    def changes(kept, before):
        return ops.any(ops.not_equal(kept, before))

    kept, _ = ops.while_loop(
        changes,
        lambda kept, _: (stays(kept), kept),
        (stays(valid), valid),
        maximum_iterations=count,
    )
    return kept
