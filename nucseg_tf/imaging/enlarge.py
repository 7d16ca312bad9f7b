"""Label images enlarged with smooth outlines: no staircase of the small image's pixels.

H rows, W columns of the window of the large image; h, w of that of the small one; N nuclei.
"""

from __future__ import annotations

import cv2
import numpy as np

from nucseg_tf.imaging.runs import find_runs
from nucseg_tf.imaging.window import Window

SMOOTHING = 0.5  # px of the small image; rounds its steps off, and takes nothing of a nucleus
REACH = 3  # px of the small image, beyond which nothing of a nucleus is left


def enlarge_labels(labels: np.ndarray, of: Window, window: Window) -> np.ndarray:
    """Enlarge a label image, or a window of it; where nuclei touch they still do.

    The mask of each nucleus, slightly blurred, is its share of each pixel and is interpolated
    linearly. A pixel whose shares add up to a half belongs to the nucleus that has the most of it.

    Args:
        labels: (h, w) int32, 0 background, 1..N.
        of: where they lie in the small image.
        window: of the large image, the same place.

    Returns:
        (H, W) int32. A nucleus thinner than two pixels may come out in pieces, or not at all.
    """
    shape = window.shape
    owner, most = np.zeros(shape, np.int32), np.zeros(shape, np.float32)
    total = np.zeros(shape, np.float32)
    steps = np.divide(of.image, window.image)
    for label, place in enumerate(find_runs(labels).boxes(), start=1):
        if place is None:
            continue
        small = tuple(
            slice(max(0, side.start - REACH), min(length, side.stop + REACH))
            for side, length in zip(place, labels.shape, strict=True)
        )
        large = tuple(
            _covered(side, begin, step, start, length)
            for side, begin, step, start, length in zip(
                small, of.corner, steps, window.corner, shape, strict=True
            )
        )
        if any(side.stop <= side.start for side in large):
            continue
        places = _shifted(small, of.corner), _shifted(large, window.corner)
        share = _interpolate((labels[small] == label).astype(np.float32), *places, steps)
        total[large] += share
        mine = share > most[large]
        most[large][mine], owner[large][mine] = share[mine], label
    owner[total < 0.5] = 0
    return owner


def _covered(side: slice, begin: int, step: float, start: int, length: int) -> slice:
    """Pixels of an axis of the window that a part of the small window covers."""
    low, high = int((side.start + begin) / step), -int(-(side.stop + begin) // step)
    return slice(max(0, low - start), max(0, min(length, high - start)))


def _shifted(slices: tuple[slice, ...], corner: tuple[int, int]) -> tuple[slice, ...]:
    return tuple(
        slice(side.start + first, side.stop + first)
        for side, first in zip(slices, corner, strict=True)
    )


def _interpolate(
    mask: np.ndarray, small: tuple[slice, ...], large: tuple[slice, ...], steps: np.ndarray
) -> np.ndarray:
    """The share of a nucleus in the pixels of a window of the large image.

    Args:
        mask: float32, in a window of the small image.
        small, large: where the windows lie in the images.
        steps: px of the small image a pixel of the large one, (2,).
    """
    mask = cv2.GaussianBlur(mask, (0, 0), SMOOTHING, borderType=cv2.BORDER_REPLICATE)
    (down, along), (rows, columns) = steps, large
    # Centres of pixels lie at halves: (row + 0.5) * step = row of the small image + 0.5.
    y, x = (rows.start + 0.5) * down - 0.5, (columns.start + 0.5) * along - 0.5
    way = np.array([[along, 0, x - small[1].start], [0, down, y - small[0].start]])
    size = (columns.stop - columns.start, rows.stop - rows.start)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(mask, way, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
