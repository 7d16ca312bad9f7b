"""Where in napari's world labels lie: on the pixels of their image, whatever its transform.

Labels have the axes of their image but for channels. An axis of which one plane was taken stays,
of length 1, at that plane; one that was made one of (a projection, or channels) is stretched over
all of it. Such axes in front are left out, for napari shows labels at all their places.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from napari.layers import Layer

ALL, MADE_ONE = "all", "made one"
Taken = Mapping[str, int | str]  # axis to the plane taken, `ALL` or `MADE_ONE`; Y and X are not in


def place(
    labels: np.ndarray, layer: Layer, axes: str, taken: Taken
) -> tuple[np.ndarray, dict[str, Any]]:
    """Labels with the axes that napari is to see, and the arguments that place them.

    Args:
        labels: (..., H, W), before H the axes that were taken all of, in the order T, Z.
        layer: the image, of D axes.
        axes: (D,) letters.
        taken: what was taken of each axis before H.
    """
    from napari.utils.transforms import Affine

    before = axes[:-2]
    kept = [axis for axis in "TZ" if taken.get(axis) == ALL]
    order = [kept.index(axis) for axis in before if axis in kept]
    labels = labels.transpose(*order, labels.ndim - 2, labels.ndim - 1)
    lengths = dict(zip([axis for axis in before if axis in kept], labels.shape, strict=False))
    labels = labels.reshape(*(lengths.get(axis, 1) for axis in before), *labels.shape[-2:])

    counts = layer.data.shape[: len(before)]
    first, stretch = np.zeros(layer.ndim), np.ones(layer.ndim)
    for number, axis in enumerate(before):
        if taken[axis] == MADE_ONE:
            first[number], stretch[number] = (counts[number] - 1) / 2, counts[number]
        elif taken[axis] != ALL:
            first[number] = taken[axis]
    own = Affine(
        scale=layer.scale, rotate=layer.rotate, shear=layer.shear, translate=layer.translate
    )
    moved = Affine(linear_matrix=own.linear_matrix * stretch, translate=own(first))
    outer = Affine(affine_matrix=np.asarray(layer.affine), ndim=layer.ndim)
    ahead = _loose(before, taken, [own.linear_matrix, outer.linear_matrix])
    rest = list(range(ahead, layer.ndim))
    inner, outer = moved.set_slice(rest), outer.set_slice(rest)
    # Where there is no shear, napari gives one of a wrong shape.
    sheared = {"shear": inner.shear} if np.any(inner.shear) else {}
    return labels[(0,) * ahead], {
        **sheared,
        "scale": inner.scale,
        "rotate": inner.rotate,
        "translate": inner.translate,
        "affine": outer.affine_matrix,
        "units": layer.units[ahead:],
        "axis_labels": layer.axis_labels[ahead:],
    }


def _loose(before: str, taken: Taken, matrices: list[np.ndarray]) -> int:
    """How many axes in front were made one, and are not turned into others."""
    count = 0
    for axis in before:
        if taken[axis] != MADE_ONE:
            break
        count += 1
    while count and any(m[:count, count:].any() or m[count:, :count].any() for m in matrices):
        count -= 1
    return count
