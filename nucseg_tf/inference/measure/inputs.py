"""What can be measured, and what is refused.

H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nucseg_tf.errors import LabelError, UsageError
from nucseg_tf.imaging.scratch import highest

Spacing = float | tuple[float, float]  # µm, of a pixel: its side, or its height and width


def check_inputs(
    labels: np.ndarray, channels: Mapping[str, np.ndarray], scores: np.ndarray | None
) -> None:
    """Raise LabelError where the inputs do not fit each other."""
    if labels.ndim != 2 or labels.dtype.kind not in "iu":
        raise LabelError(
            "labels must be a two-dimensional integer label image. "
            f"Received: shape {labels.shape}, dtype {labels.dtype}"
        )
    for name, image in channels.items():
        if image.shape != labels.shape:
            raise LabelError(
                f"image must have the shape of the labels, {labels.shape}. "
                f"Received: {image.shape} (channel {name})"
            )
        if image.dtype.kind not in "biuf":
            raise LabelError(
                f"image must consist of real numbers. Received: {image.dtype} (channel {name})"
            )
    nuclei = highest(labels)
    if scores is not None and len(scores) != nuclei:
        raise LabelError(f"expected a score for each of {nuclei} labels. Received: {len(scores)}")


def height_and_width(spacing: Spacing | None) -> tuple[float, float] | None:
    """Height and width of a pixel, µm, of what was given for them.

    Raises:
        UsageError: they are no two positive numbers.
    """
    if spacing is None:
        return None
    sides = np.asarray(spacing, float)
    if sides.shape not in ((), (2,)) or not ((sides > 0) & (sides < np.inf)).all():
        raise UsageError(
            "pixel size: expected a positive number of µm, or two, the height and the width of a "
            f"pixel. Received: {spacing}."
        )
    height, width = np.broadcast_to(sides, 2).tolist()
    return height, width


def check_distance(distance: float | None) -> None:
    """Raise UsageError where the distance of neighbours, px, is negative or no number."""
    if distance is not None and not distance >= 0:
        raise UsageError(f"neighbour distance: expected 0 px or more. Received: {distance}.")
