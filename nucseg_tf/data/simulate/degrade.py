"""Label images as a model might give them: nuclei missing, split, merged, displaced.

K planes or frames of H rows and W columns; N labels of one of them.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import find_objects

from nucseg_tf.data.simulate.arrange import windows


def degrade(
    labels: np.ndarray,
    rng: np.random.Generator,
    *,
    drop: float = 0.0,
    split: float = 0.0,
    merge: float = 0.0,
    jitter: float = 0.0,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Spoil labels, in each plane or frame by itself, and number them anew.

    Args:
        labels: (K, H, W) int32, 0 background; a nucleus has the same number in all planes.
        rng: random numbers.
        drop: share of nuclei of each plane that are missing in it.
        split: share that fall into two halves.
        merge: share that become one with a nucleus that they touch, if they touch any.
        jitter: px, standard deviation by which each is displaced; what comes first stays on top.

    Returns:
        labels: (K, H, W) int32, 1..N in each plane.
        truth: for each plane, what each of its labels is in truth, (N,) int64; of merged ones, the
            larger nucleus.
    """
    spoilt, truth = np.zeros_like(labels), []
    for plane, out in zip(labels, spoilt, strict=True):
        numbers: list[int] = []
        plane = _merged(rng, plane, merge)
        for number, box in enumerate(find_objects(plane), start=1):
            if box is None or rng.random() < drop:
                continue
            mask = plane[box] == number
            row, column = np.rint(rng.normal(0, jitter, 2)).astype(int).tolist()
            corner = box[0].start + row, box[1].start + column
            for part in _halves(rng, mask) if rng.random() < split else [mask]:
                field, within = windows(corner, part.shape, plane.shape)
                free = part[within] & (out[field] == 0)
                if free.any():
                    numbers.append(number)
                    out[field][free] = len(numbers)
        truth.append(np.array(numbers, np.int64))
    return spoilt, truth


def _merged(rng: np.random.Generator, plane: np.ndarray, share: float) -> np.ndarray:
    """The plane with a share of its nuclei merged with one they touch; the larger's number stays.

    A nucleus is merged once at most.
    """
    if not share:
        return plane
    beside = [(plane[1:], plane[:-1]), (plane[:, 1:], plane[:, :-1])]
    pairs = np.concatenate([np.stack([a[a != b], b[a != b]], axis=1) for a, b in beside])
    pairs = np.unique(np.sort(pairs[(pairs > 0).all(axis=1)], axis=1), axis=0)
    areas = np.bincount(plane.ravel())
    table = np.arange(len(areas), dtype=plane.dtype)
    free = np.ones(len(areas), bool)
    for pair in rng.permutation(pairs):
        if free[pair].all() and rng.random() < share:
            small, large = pair[np.argsort(areas[pair], kind="stable")]
            table[small] = large
            free[pair] = False
    return table[plane]


def _halves(rng: np.random.Generator, mask: np.ndarray) -> list[np.ndarray]:
    """Both sides of a line through the middle of a mask."""
    rows, columns = np.nonzero(mask)
    angle = rng.uniform(0, np.pi)
    y, x = np.ogrid[: mask.shape[0], : mask.shape[1]]
    side = (y - rows.mean()) * math.cos(angle) + (x - columns.mean()) * math.sin(angle) > 0
    return [mask & side, mask & ~side]
