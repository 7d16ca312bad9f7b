"""One plane made of several: their brightest or mean pixels, or the one of them that is in focus.

Letters: H rows, W columns. Planes come one after another, so that a stack need not fit into memory.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from nucseg_tf.imaging.scratch import STRIP, cut, put, scratch


def brightest(planes: Iterable[np.ndarray]) -> np.ndarray:
    """The greatest value of each pixel.

    Args:
        planes: (H, W) each, one at least.

    Returns:
        (H, W), in the dtype of the planes.
    """
    return _fold(planes, np.maximum, None)


def mean(planes: Iterable[np.ndarray]) -> np.ndarray:
    """The mean of each pixel, (H, W) float32; arguments as of `brightest`."""
    count = 0

    def counted() -> Iterable[np.ndarray]:
        nonlocal count
        for plane in planes:
            count += 1
            yield plane

    total = _fold(counted(), np.add, np.float64)
    out = scratch(total.shape, np.float32)
    for rows in _rows(total.shape):
        put(out, rows, cut(total, rows) / count)
    return out


def sharpest(planes: Iterable[np.ndarray]) -> int:
    """Index of the plane with the greatest `sharpness`, the first of equal ones."""
    return int(np.argmax([sharpness(plane) for plane in planes]))


def sharpness(plane: np.ndarray) -> float:
    """How much of a plane (H, W) is fine detail: the variance of its Laplacian.

    Of the measures for focus that Pech-Pacheco et al. compare (ICPR 2000, "Diatom autofocusing in
    brightfield microscopy"). Not divided by the brightness: planes out of focus have less of that.
    """
    import cv2  # where images are only listed, its import would take longest

    total, squares, count = 0.0, 0.0, 0
    for rows in _rows(plane.shape):
        edges = cv2.Laplacian(cut(plane, rows).astype(np.float32), cv2.CV_32F)
        total += float(edges.sum(dtype=np.float64))
        squares += float(np.square(edges).sum(dtype=np.float64))
        count += edges.size
    return squares / count - (total / count) ** 2


def _fold(planes: Iterable[np.ndarray], join: np.ufunc, kind: type | None) -> np.ndarray:
    """Join planes pixel by pixel, (H, W) each."""
    result: np.ndarray | None = None
    for plane in planes:
        if result is None:
            result = scratch(plane.shape, kind or plane.dtype.newbyteorder("="))
            for rows in _rows(plane.shape):
                put(result, rows, cut(plane, rows))
            continue
        for rows in _rows(plane.shape):
            put(result, rows, join(cut(result, rows), cut(plane, rows)))
    if result is None:
        raise ValueError("there are no planes to join")
    return result


def _rows(shape: tuple[int, ...]) -> list[tuple[slice, slice]]:
    """Strips of rows of (H, W)."""
    step = max(1, STRIP // max(1, shape[1]))
    return [(slice(top, top + step), slice(None)) for top in range(0, shape[0], step)]
