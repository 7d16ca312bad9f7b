"""A plate from a folder of OME-Zarr: what its metadata list, and what of it is there."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

from nucseg_tf.errors import ImageReadError
from nucseg_tf.io.omezarr.plate import ZarrField, zarr_plate
from nucseg_tf.io.plates.plate import Plane, Plate, PlateField
from nucseg_tf.io.plates.wells import parse_well, smallest_plate
from nucseg_tf.io.readers.base import RawImage
from nucseg_tf.io.readers.omezarr import READER


def read_zarr_plate(path: str | os.PathLike[str]) -> Plate:
    """Find the fields of a plate; of images only metadata are read, and all planes are one "file".

    Times and planes count from 0, and channels have their names, or numbers where they have none.

    Raises:
        ImageReadError: it is no plate, or none of its fields can be used.
    """
    path = Path(path)
    listed = zarr_plate(path)
    troubles = [f"{missing}: is listed, and not there" for missing in listed.missing]
    fields: dict[tuple[tuple[int, int], int], PlateField] = {}
    channels: dict[str, None] = {}
    pixel_size = None
    for field in listed.fields:
        place = parse_well(field.well)
        try:
            raw = READER.read(field.path)
        except ImageReadError as error:
            troubles.append(str(error))
            continue
        if place is None:
            troubles.append(f"{field.path}: no plate has a well {field.well}")
            continue
        number = _number(field, sum(known == place for known, _ in fields))
        planes = _planes(raw, field.path)
        fields[place, number] = PlateField(field.well, number, planes)
        channels |= dict.fromkeys(channel for _, channel, _ in planes)
        pixel_size = pixel_size or raw.pixel_size
    if not fields:
        raise ImageReadError(f"{path}: none of its fields can be read: {troubles[0]}")
    rows, columns = smallest_plate(place for place, _ in fields)
    return Plate(
        name=listed.name,
        kind="OME-Zarr",
        rows=rows,
        columns=columns,
        fields=tuple(field for _, field in sorted(fields.items())),
        channels=tuple(channels),
        pixel_size=pixel_size,
        troubles=tuple(troubles),
    )


def _number(field: ZarrField, before: int) -> int:
    """Of a field in its well; as counted where its name is no number."""
    return int(field.field) if field.field.isdecimal() else before


def _planes(raw: RawImage, path: Path) -> dict[Plane, Path]:
    length = dict(zip(raw.axes, raw.data.shape, strict=True))
    times, planes = (range(length.get(axis, 1)) for axis in "TZ")
    count = length.get("C", 1)
    names = raw.channels if len(set(raw.channels)) == count else map(str, range(count))
    return dict.fromkeys(itertools.product(times, names, planes), path)
