"""Label images of stacks, as OME-TIFF with the axes and pixel sizes of their source."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from nucseg_tf.imaging.scratch import highest, release
from nucseg_tf.io.files import atomic_path
from nucseg_tf.io.labels import BIG, UINT16_MAX


def write_label_stack(
    path: str | os.PathLike[str],
    labels: np.ndarray,
    axes: str,
    spacing: tuple[float, float] | None = None,
    plane_distance: float | None = None,
) -> None:
    """Write the label images of a stack as one zlib-compressed TIFF: uint16, or uint32 if need be.

    Args:
        path: the TIFF file.
        labels: int32, with as many axes as there are letters; maybe mapped to a file.
        axes: "TYX", "ZYX" or "TZYX".
        spacing: height and width of a pixel, µm.
        plane_distance: from one z to the next, µm.

    Raises:
        OutputError: the file cannot be written.
    """
    import tifffile

    planes = labels.reshape(-1, *labels.shape[-2:])
    kind = np.dtype(np.uint16 if max(map(highest, planes)) <= UINT16_MAX else np.uint32)
    sizes = dict(zip("YX", spacing or (None, None), strict=True)) | {"Z": plane_distance}
    known = {axis: size for axis, size in sizes.items() if size is not None and axis in axes}
    metadata: dict[str, str | float] = {"axes": axes}
    for axis, size in known.items():
        metadata |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": "µm"}

    tags: dict[str, Any] = {}  # for programs that know no OME, such as ImageJ by itself
    if spacing is not None:
        tags = {"resolution": (1e4 / spacing[1], 1e4 / spacing[0]), "resolutionunit": "CENTIMETER"}

    def converted() -> Iterator[np.ndarray]:
        for plane in planes:
            yield plane.astype(kind)
            release(plane)

    with atomic_path(path) as temporary:
        tifffile.imwrite(
            temporary,
            converted(),
            shape=labels.shape,
            dtype=kind,
            ome=True,
            bigtiff=math.prod(labels.shape) * kind.itemsize > BIG,
            photometric="minisblack",
            compression="zlib",
            metadata=metadata,
            **tags,
        )
