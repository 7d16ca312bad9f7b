"""Training targets in the style of Jacobkie: the nuclei, and where in its nucleus each pixel lies.

Source: Zaki et al. (2020), "Jacobkie" (second place of the 2018 Data Science Bowl): per pixel, the
mask and the relative position inside its nucleus, vertical, horizontal and along both diagonals.
"""

from __future__ import annotations

import numpy as np

from nucseg_tf.data.roi import valid_mask, whole_nuclei

# (rows, columns) a step in the direction of each map: down, right, and along the two diagonals.
DIRECTIONS = ((1, 0), (0, 1), (1, 1), (1, -1))


def relative_positions(labels: np.ndarray) -> np.ndarray:
    """How far along its nucleus each pixel lies, in each of the four `DIRECTIONS`.

    Of n lines of pixels that a nucleus has across a direction, those of line i (0 first) get
    (i + 0.5) / n: so a nucleus of one pixel has a position too.

    Args:
        labels: (H, W) integer, values below 1 are no nucleus.

    Returns:
        (H, W, 4) float32 in (0, 1), 0 outside the nuclei.
    """
    out = np.zeros((*labels.shape, len(DIRECTIONS)), np.float32)
    rows, columns = np.nonzero(labels > 0)
    if not len(rows):
        return out
    owners = labels[rows, columns]
    far = labels.shape[0] + labels.shape[1]
    for number, (down, right) in enumerate(DIRECTIONS):
        line = rows * down + columns * right
        first = np.full(owners.max() + 1, far)
        last = np.full(owners.max() + 1, -far)
        np.minimum.at(first, owners, line)
        np.maximum.at(last, owners, line)
        lines = (last - first + 1)[owners]
        out[rows, columns, number] = (line - first[owners] + 0.5) / lines
    return out


def targets(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Maps of one ROI, and where the positions count.

    Args:
        labels: (S, S) integer, 0 background, negative where nothing is known.

    Returns:
        (S, S, 5) float32 in [0, 1], mask and positions; and (S, S, 1) float32, 1 in whole nuclei.
    """
    mask = (labels > 0).astype(np.float32)[..., None]
    whole = whole_nuclei(labels).astype(np.float32)[..., None]
    return np.concatenate([mask, relative_positions(labels)], axis=-1), whole


def roi_targets(labels: np.ndarray, shoulder: int) -> tuple[np.ndarray, ...]:
    """Maps (S, S, 5), whole nuclei (S, S, 1) and validity (S, S, 1) of one ROI; see `targets`."""
    return (*targets(labels), valid_mask(labels, shoulder)[..., None])
