"""Training targets of Mask R-CNN: a box around each nucleus.

S side of a ROI, G padded nuclei; boxes (y0, x0, y1, x1), float32 px, half-open.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage


def boxes_of(labels: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Boxes of the nuclei of one ROI.

    Args:
        labels: (S, S) int32, 0 background, negative where nothing is known.
        most: G. Of more nuclei, the smallest are left out and become unknown ground.

    Returns:
        (G, 4) boxes; (G,) int32 ids, 1..N and 0 for padding; (S, S) int32 labels with those ids.
    """
    found = ndimage.find_objects(np.maximum(labels, 0))
    areas = np.bincount(np.maximum(labels, 0).ravel(), minlength=len(found) + 1)[1:]
    present = np.flatnonzero(areas) + 1
    kept = np.sort(present[np.argsort(-areas[present - 1], kind="stable")[:most]])
    new = np.full(len(found) + 1, -1, np.int32)
    new[0] = 0
    new[kept] = np.arange(1, len(kept) + 1)
    boxes: np.ndarray = np.zeros((most, 4), np.float32)
    ids: np.ndarray = np.zeros(most, np.int32)
    for number, label in enumerate(kept):
        rows, columns = found[label - 1]
        boxes[number] = rows.start, columns.start, rows.stop, columns.stop
        ids[number] = number + 1
    numbered = np.where(labels < 0, -1, new[np.maximum(labels, 0)]).astype(np.int32)
    return boxes, ids, numbered
