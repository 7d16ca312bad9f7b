"""Tools that change the selected nuclei as they are: they need nothing drawn."""

from __future__ import annotations

import numpy as np

from nucseg_tf.annotation.editor.message import EditError, Message
from nucseg_tf.annotation.editor.patches import LabelMap, Result
from nucseg_tf.io.boxes import Box, clip_box, enclosing, grown, shifted, slices

_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)


def delete(labels: LabelMap, message: Message, points: np.ndarray, known: list[int]) -> Result:
    """Remove nuclei."""
    box = enclosing([labels.nuclei[label].box for label in known])
    after = labels.crop(box)
    after[np.isin(after, known)] = 0
    return box, after, []


def fill(labels: LabelMap, message: Message, points: np.ndarray, known: list[int]) -> Result:
    """Fill the background that a nucleus encloses."""
    from scipy.ndimage import binary_fill_holes

    box = enclosing([labels.nuclei[label].box for label in known])
    after = labels.crop(box)
    for label in known:
        own = after[slices(shifted(labels.nuclei[label].box, box))]
        own[binary_fill_holes(own == label) & (own == 0)] = label
    return box, after, known


def grow(labels: LabelMap, message: Message, points: np.ndarray, known: list[int]) -> Result:
    """Add the background pixels beside a nucleus (4 neighbours)."""
    import cv2

    box = grown(enclosing([labels.nuclei[label].box for label in known]), 1)
    box = clip_box(box, labels.pixels.shape)
    after = labels.crop(box)
    for label in known:
        own = after[slices(_around(labels, label, box))]
        larger = cv2.dilate((own == label).astype(np.uint8), _CROSS) > 0
        own[larger & (own == 0)] = label
    return box, after, known


def shrink(labels: LabelMap, message: Message, points: np.ndarray, known: list[int]) -> Result:
    """Take the pixels beside another value (4 neighbours); the field's edge is no boundary."""
    import cv2

    box = grown(enclosing([labels.nuclei[label].box for label in known]), 1)
    box = clip_box(box, labels.pixels.shape)
    after = labels.crop(box)
    for label in known:
        own = after[slices(_around(labels, label, box))]
        mask = own == label
        smaller = cv2.erode(mask.astype(np.uint8), _CROSS) > 0
        if not smaller.any():
            raise EditError(f"nucleus {label} would vanish; delete it instead")
        own[mask & ~smaller] = 0
    return box, after, known


def _around(labels: LabelMap, label: int, window: Box) -> Box:
    """The box of a nucleus with a pixel on every side, in the coordinates of a window."""
    return shifted(clip_box(grown(labels.nuclei[label].box, 1), labels.pixels.shape), window)
