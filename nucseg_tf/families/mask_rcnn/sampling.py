"""What the heads train on: boxes drawn among proposals and truth, and the masks wanted in them.

B images, S side of a ROI, G padded true boxes, A or R boxes, M cells a side of a mask. Boxes
(y0, x0, y1, x1), float32 px, half-open.
Source: He et al., "Mask R-CNN" (2017), section 3.1.
"""

from __future__ import annotations

from keras import ops

from nucseg_tf.families.mask_rcnn import matching
from nucseg_tf.families.mask_rcnn.roi_align import places


def unknown(labels, boxes_):
    """Whether nothing is known at the centre of boxes; (B, S, S) and (B or 1, A, 4) to (B, A)."""
    height, width = labels.shape[1:3]
    centre = ops.cast(ops.floor(0.5 * (boxes_[..., :2] + boxes_[..., 2:])), "int32")
    row, column = (ops.clip(centre[..., i], 0, n - 1) for i, n in enumerate((height, width)))
    place = ops.broadcast_to(row * width + column, (ops.shape(labels)[0], boxes_.shape[1]))
    return ops.take_along_axis(ops.reshape(labels, (-1, height * width)), place, axis=1) < 0


def choose(rois, valid, targets: dict, count: int, share: float):
    """Boxes for the heads to train on: proposals and, so that there are some, the truth.

    Returns:
        (B, count) index of the nucleus of each, (B, count) kind as of `match`, (B, count, 4) boxes.
    """
    truth, there = targets["boxes"], targets["ids"] > 0
    rois = ops.concatenate([truth, rois], 1)
    valid = ops.concatenate([there, valid], 1)
    index, kind = matching.match(rois, truth, there, 0.5, 0.5, best=False)
    kind = ops.where(valid, kind, -1)
    kind = ops.where(unknown(targets["labels"], rois) & (kind == 0), -1, kind)
    noise = targets["noise"][:, : rois.shape[1]]
    picked, taken = matching.sample(kind, noise, count, share)
    kind = ops.where(taken, ops.take_along_axis(kind, picked, axis=1), -1)
    rois = ops.take_along_axis(rois, ops.expand_dims(picked, -1), axis=1)
    return ops.take_along_axis(index, picked, axis=1), kind, ops.stop_gradient(rois)


def mask_targets(labels, ids, rois, cells: int):
    """The share of each cell of a box that is its nucleus, by bilinear sampling.

    Args:
        labels: (B, S, S) int32, negative where nothing is known.
        ids: (B, R) int32 label of the nucleus of each box.
        rois: (B, R, 4).
        cells: M.

    Returns:
        (B, R, M, M) float32 in [0, 1], and (B, R, M, M) float32, 0 where nothing is known.
    """
    height, width = labels.shape[1:3]
    rows, columns = (
        places(rois[..., axis], rois[..., axis + 2], cells, last)
        for axis, last in ((0, height - 1), (1, width - 1))
    )
    flat = ops.reshape(labels, (-1, height * width))
    wanted = ids[..., None, None]
    target, known = 0.0, 1.0
    for row, down in rows:
        for column, right in columns:
            place = ops.expand_dims(row, -1) * width + ops.expand_dims(column, -2)
            flat_place = ops.reshape(place, (-1, place.shape[1] * cells * cells))
            found = ops.take_along_axis(flat, flat_place, axis=1)
            found = ops.reshape(found, (-1, *place.shape[1:]))
            share = ops.expand_dims(down, -1) * ops.expand_dims(right, -2)
            target = target + ops.cast(found == wanted, "float32") * share
            known = known * ops.cast(ops.logical_or(found >= 0, share == 0.0), "float32")
    return target, known
