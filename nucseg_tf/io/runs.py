"""Label images as runs, row by row: value, length, value, length, ...

Short where labels are large, and exact; journals and exports hold labels so. Letters: H rows, W
columns.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

INT32_MAX = np.iinfo(np.int32).max


def to_runs(labels: np.ndarray) -> np.ndarray:
    """Labels as runs.

    Args:
        labels: (H, W) int32.

    Returns:
        uint32 value, length, value, length, ... row by row; runs go on over the ends of rows.

    >>> to_runs(np.array([[0, 7], [7, 7]])).tolist()
    [0, 1, 7, 3]
    """
    flat = labels.ravel()
    begins = np.ones(flat.size, bool)
    np.not_equal(flat[1:], flat[:-1], out=begins[1:])
    starts = np.flatnonzero(begins)
    lengths = np.diff(starts, append=flat.size)
    return np.stack((flat[starts], lengths), axis=1).astype(np.uint32).ravel()


def from_runs(runs: Sequence[int] | np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Labels of a shape from their runs.

    Raises:
        ValueError: the runs do not fill the shape, or a value is no label.

    >>> from_runs([0, 1, 7, 3], (2, 2)).tolist()
    [[0, 7], [7, 7]]
    """
    pairs = np.asarray(runs, np.int64).reshape(-1, 2)
    size = shape[0] * shape[1]
    beyond = (pairs < 0) | (pairs > (INT32_MAX, size))
    if beyond.any() or pairs[:, 1].sum() != size:
        raise ValueError(
            f"runs must fill {shape} with labels up to {INT32_MAX:,}. "
            f"Received: {pairs[:, 1].sum()} pixels, labels up to {pairs[:, 0].max(initial=0):,}"
        )
    return np.repeat(pairs[:, 0].astype(np.int32), pairs[:, 1]).reshape(shape)
