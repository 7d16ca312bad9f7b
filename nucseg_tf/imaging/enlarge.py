"""Label images enlarged with smooth outlines: no staircase of the small image's pixels.

H rows, W columns of the large image; h, w of the small one; N nuclei.
"""

from __future__ import annotations

import cv2
import numpy as np

from nucseg_tf.imaging.runs import find_runs

SMOOTHING = 0.5  # px of the small image; rounds its steps off, and takes nothing of a nucleus
REACH = 3  # px of the small image, beyond which nothing of a nucleus is left


def enlarge_labels(labels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Enlarge a label image; where nuclei touch they still do.

    The mask of each nucleus, slightly blurred, is its share of each pixel and is interpolated
    linearly. A pixel whose shares add up to a half belongs to the nucleus that has the most of it.

    Args:
        labels: (h, w) int32, 0 background, 1..N.
        shape: (H, W), no smaller than (h, w).

    Returns:
        (H, W) int32. A nucleus thinner than two pixels may come out in pieces, or not at all.
    """
    owner, most = np.zeros(shape, np.int32), np.zeros(shape, np.float32)
    total = np.zeros(shape, np.float32)
    steps = np.divide(labels.shape, shape)
    for label, place in enumerate(find_runs(labels).boxes(), start=1):
        if place is None:
            continue
        small = tuple(
            slice(max(0, side.start - REACH), min(length, side.stop + REACH))
            for side, length in zip(place, labels.shape, strict=True)
        )
        large = tuple(
            slice(int(side.start / step), min(length, -int(-side.stop // step)))
            for side, step, length in zip(small, steps, shape, strict=True)
        )
        share = _interpolate((labels[small] == label).astype(np.float32), small, large, steps)
        total[large] += share
        mine = share > most[large]
        most[large][mine], owner[large][mine] = share[mine], label
    owner[total < 0.5] = 0
    return owner


def _interpolate(
    mask: np.ndarray, small: tuple[slice, ...], large: tuple[slice, ...], steps: np.ndarray
) -> np.ndarray:
    """The share of a nucleus in the pixels of a window of the large image.

    Args:
        mask: float32, in a window of the small image.
        small, large: where the windows lie.
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
