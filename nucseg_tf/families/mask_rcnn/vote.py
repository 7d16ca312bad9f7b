"""What turned and flipped views of a tile show together. D boxes (y0, x0, y1, x1), px."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nucseg_tf.families.mask_rcnn.choose import iou

SAME_BOX = 0.5  # IoU from which boxes of different views are of one nucleus


def vote(
    boxes: Sequence[np.ndarray], scores: Sequence[np.ndarray], least: float
) -> tuple[np.ndarray, np.ndarray]:
    """Join what several views of an image show.

    The best box of all is joined by the one of each other view that overlaps it most, if by
    `SAME_BOX` or more; and so on with the boxes left. The nucleus' box is their mean, weighted by
    score, and its score their sum over the number of views.

    Args:
        boxes: (D_v, 4) of each view.
        scores: (D_v,) of each view.
        least: score that a nucleus must have.

    Returns:
        (D, 4) boxes and (D,) scores, the best first.
    """
    every, weight = np.concatenate(boxes), np.concatenate(scores)
    view = np.repeat(np.arange(len(boxes)), [len(b) for b in boxes])
    left = np.argsort(-weight, kind="stable")
    found, strength = [], []
    while len(left):
        overlap = iou(every[left[0]], every[left])
        overlap[view[left] == view[left[0]]] = 0
        overlap[0] = 1
        order = np.argsort(-overlap, kind="stable")
        order = order[overlap[order] >= SAME_BOX]
        _, firsts = np.unique(view[left[order]], return_index=True)
        same = left[order[firsts]]
        found.append(np.average(every[same], axis=0, weights=weight[same]))
        strength.append(weight[same].sum() / len(boxes))
        left = left[~np.isin(left, same)]
    result = np.array(found, np.float32).reshape(-1, 4)
    total = np.array(strength, np.float32)
    order = np.argsort(-total, kind="stable")
    order = order[total[order] >= least]
    return result[order], total[order]
