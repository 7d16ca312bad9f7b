"""Plates as OME-Zarr: the skeleton first, then field after field."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nucseg_tf.errors import DataError
from nucseg_tf.io.omezarr.store import VERSIONS, put_ome_attributes, whole_group
from nucseg_tf.io.omezarr.write_image import write_image
from nucseg_tf.io.readers.base import Pixels

_WELL = re.compile(r"([A-Z]{1,2})(\d{1,2})")


def create_plate(
    path: str | os.PathLike[str],
    name: str,
    wells: Sequence[str],
    fields_per_well: int,
    version: str = "0.5",
    overwrite: bool = False,
) -> None:
    """Write the metadata of a plate and its wells; their images are then written one by one.

    Args:
        path: the group, such as PLATE.zarr; the folder it lies in must exist.
        name: of the plate.
        wells: such as "B03"; columns keep their digits.
        fields_per_well: how many; they are named "0", "1" and so on.
        version: of OME-Zarr, "0.4" or "0.5".
        overwrite: whether what is there is replaced.

    Raises:
        DataError: names of wells that are none, or come twice; no wells or fields; the version.
        OutputError: the plate is there, or cannot be written.
    """
    path = Path(path)
    if version not in VERSIONS:
        raise DataError(f"{path}: OME-Zarr {version!r} is not known; expected {list(VERSIONS)}")
    if not wells or fields_per_well < 1 or len(set(wells)) < len(wells):
        raise DataError(
            f"{path}: a plate needs wells, each once, and a field a well at least. "
            f"Received: {list(wells)}, {fields_per_well} fields"
        )
    places = [_split(well) for well in wells]
    rows = sorted({row for row, _ in places}, key=lambda row: (len(row), row))
    columns = sorted({column for _, column in places}, key=int)
    plate: dict[str, Any] = {
        "version": version,
        "name": name,
        "rows": [{"name": row} for row in rows],
        "columns": [{"name": column} for column in columns],
        "field_count": fields_per_well,
        "wells": [
            {"path": f"{r}/{c}", "rowIndex": rows.index(r), "columnIndex": columns.index(c)}
            for r, c in places
        ],
    }
    well: dict[str, Any] = {
        "version": version,
        "images": [{"path": str(i)} for i in range(fields_per_well)],
    }
    with whole_group(path, VERSIONS[version], overwrite) as group:
        put_ome_attributes(group, {"plate": plate})
        for row, column in places:
            put_ome_attributes(group.require_group(f"{row}/{column}"), {"well": well})


def write_field(
    path: str | os.PathLike[str],
    well: str,
    field: int,
    pixels: Pixels,
    channels: Sequence[str] = (),
    pixel_size: float | None = None,
    version: str = "0.5",
) -> Path:
    """Write a field of a plate that `create_plate` made.

    Args:
        path: the plate.
        well: such as "B03".
        field: from 0.
        pixels: (C, H, W).
        channels: their names.
        pixel_size: µm.
        version: of OME-Zarr, that of the plate.

    Returns:
        The group of the image.

    Raises:
        DataError: the plate has no such well, or pixels of other axes.
        OutputError: the field is there, or cannot be written.
    """
    row, column = _split(well)
    folder = Path(path) / row / column
    if not folder.is_dir():
        raise DataError(f"{path}: this plate has no well {well}")
    write_image(folder / str(field), pixels, "CYX", channels, pixel_size, version=version)
    return folder / str(field)


def _split(well: str) -> tuple[str, str]:
    match = _WELL.fullmatch(well)
    if match is None or int(match[2]) < 1:
        raise DataError(f"{well!r} is no well; expected a row and a column, such as B03")
    return match[1], match[2]
