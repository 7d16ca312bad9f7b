"""Which anchors and boxes train towards which nucleus, and which of them are taken.

B images, A anchors or boxes, G padded true boxes.
"""

from __future__ import annotations

from keras import ops

from nucseg_tf.families.mask_rcnn.boxes import iou


def match(boxes, truth, valid, positive: float, negative: float, best: bool):
    """Give every box its nucleus.

    Source: Ren et al., "Faster R-CNN" (2015), section 3.1.2.

    Args:
        boxes: (B, A, 4).
        truth: (B, G, 4) true boxes.
        valid: (B, G) bool; others are padding.
        positive: IoU from which a box stands for its nucleus.
        negative: IoU below which it stands for background; between the two, for nothing.
        best: the best box of each nucleus stands for it whatever its IoU, so that no nucleus is
            left without.

    Returns:
        (B, A) int32 index of the nucleus that overlaps each box most (any, without one), and
        (B, A) int32: 1 for a nucleus, 0 for background, -1 for nothing.
    """
    overlap = ops.where(ops.expand_dims(valid, 1), iou(boxes, truth), 0.0)
    index = ops.cast(ops.argmax(overlap, -1), "int32")
    highest = ops.max(overlap, -1)
    kind = ops.where(highest >= positive, 1, ops.where(highest < negative, 0, -1))
    if best:
        of_nucleus = ops.max(overlap, 1, keepdims=True)
        is_best = ops.logical_and(overlap >= of_nucleus, of_nucleus > 0.0)
        first = ops.cast(ops.argmax(ops.where(is_best, overlap, -1.0), -1), "int32")
        some = ops.any(is_best, -1)
        index, kind = ops.where(some, first, index), ops.where(some, 1, kind)
    return index, ops.cast(kind, "int32")


def sample(kind, noise, count: int, share: float):
    """Choose boxes at random: nuclei up to a share, and background for the rest.

    Args:
        kind: (B, A) int32, as of `match`.
        noise: (B, A) in [0, 1), what chance decides by; comes with the batch, so that a training
            can be repeated.
        count: of boxes an image.
        share: of nuclei among them, at most.

    Returns:
        (B, count) int32 indices, nuclei first, and (B, count) bool, whether each is one to train
        on (fewer than `count` may be there).
    """
    most = max(1, round(count * share))
    nuclei, background = ops.equal(kind, 1), ops.equal(kind, 0)
    _, first = ops.top_k(ops.where(nuclei, 1.0 + noise, 0.0), most)
    taken = ops.minimum(ops.sum(ops.cast(nuclei, "int32"), -1, keepdims=True), most)
    _, others = ops.top_k(ops.where(background, 1.0 + noise, 0.0), count)
    there = ops.minimum(ops.sum(ops.cast(background, "int32"), -1, keepdims=True), count)
    # The first `most` places are for nuclei; those that are not used go to the background.
    place = ops.arange(count, dtype="int32")[None]
    from_first = ops.take_along_axis(first, ops.minimum(place, most - 1), axis=1)
    from_others = ops.take_along_axis(others, ops.maximum(place - taken, 0), axis=1)
    is_nucleus = place < taken
    index = ops.where(is_nucleus, from_first, from_others)
    return ops.cast(index, "int32"), ops.logical_or(is_nucleus, place - taken < there)
