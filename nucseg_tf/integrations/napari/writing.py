"""Saves Labels layers as our label images: TIFF, numbers unchanged."""

from __future__ import annotations

from typing import Any

import numpy as np

from nucseg_tf.errors import LabelError
from nucseg_tf.io.labels import INT32_MAX, write_labels
from nucseg_tf.io.stacks import write_label_stack

AXES = {3: "ZYX", 4: "TZYX"}
MICROMETRE = "micrometer"


def write(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Write one Labels layer.

    Args:
        path: of the TIFF file.
        data: (..., H, W) whole numbers; of a pyramid the finest level.
        attributes: of the layer, as napari gives them.

    Raises:
        LabelError: numbers are negative or above 2^31 - 1, or there are more than four axes.
        OutputError: the file cannot be written.
    """
    labels = np.asarray(data[0] if attributes.get("multiscale") else data)
    if labels.ndim not in (2, *AXES):
        raise LabelError(f"{path}: labels of {labels.ndim} axes; expected two to four")
    if labels.size and not 0 <= int(labels.min()) <= int(labels.max()) <= INT32_MAX:
        raise LabelError(f"{path}: labels must be 0 to {INT32_MAX:,}")
    *_, height, width = sizes = _sizes(attributes, labels.ndim)
    if labels.ndim == 2:
        aspect = 1.0 if height is None or width is None else height / width
        write_labels(path, labels, width, aspect)
        return [path]
    named = "".join(label[:1] for label in attributes.get("axis_labels", ())).upper()
    axes = named if named in ("TYX", "ZYX", "TZYX") else AXES[labels.ndim]
    spacing = None if height is None or width is None else (height, width)
    distance = sizes[axes.index("Z")] if "Z" in axes else None
    write_label_stack(path, labels.astype(np.int32), axes, spacing, distance)
    return [path]


def _sizes(attributes: dict[str, Any], count: int) -> list[float | None]:
    """Length of a pixel along each axis, µm; None where the layer does not say."""
    import pint

    registry = pint.get_application_registry()
    scale, units = attributes.get("scale", [1.0] * count), attributes.get("units", ())
    found: list[float | None] = []
    for size, unit in zip(scale, units or ["pixel"] * count, strict=True):
        length = abs(float(size)) * registry.Unit(unit)
        is_length = length.is_compatible_with(MICROMETRE)
        found.append(float(length.to(MICROMETRE).magnitude) if is_length else None)
    return found
