"""The fields of a plate as sources of a run: of files, a plane each, or of OME-Zarr."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from nucseg_tf.io.omezarr.plate import ZarrField, is_plate, zarr_plate
from nucseg_tf.io.plates.folder import read_plate
from nucseg_tf.io.plates.plate import Plate, PlateField
from nucseg_tf.io.plates.wells import parse_well, row_name

from nucseg_tf.errors import ImageReadError
from nucseg_tf.io.choices import Choice
from nucseg_tf.io.images import read_raw
from nucseg_tf.io.planes import select_plane
from nucseg_tf.io.readers.base import RawImage, Stack
from nucseg_tf.io.sources import Origin, Source

AUTO = "auto"


@dataclass(frozen=True)
class FilesField:
    """A field of a plate whose planes are files.

    Attributes:
        plate: that it is of.
        field: which.
    """

    plate: Plate
    field: PlateField

    @property
    def path(self) -> Path:
        """Its first file."""
        return next(iter(self.field.files.values()))

    @property
    def name(self) -> str:
        """Well and field: "B03_f001"."""
        return f"{self.field.well}_f{self.field.number:03d}"

    @property
    def origin(self) -> Origin:
        """Where in which plate."""
        return _origin(self.name, self.plate.name, self.field.well, self.field.number)

    @cached_property
    def _places(self) -> tuple[list[int], tuple[str, ...], list[int]]:
        """Numbers of times, channels and planes in the names of the files."""
        times, _, levels = (sorted(set(part)) for part in zip(*self.field.files, strict=True))
        return times, self.plate.channels, levels

    def open(self) -> RawImage:
        """All planes, each read when it is asked for.

        Raises:
            ImageReadError: the first file cannot be read.
        """
        first = self._read(self.path)
        times, channels, levels = self._places
        shape = (len(times), len(channels), len(levels), *first.shape)
        names = tuple(self.plate.channel_names.get(key, key) for key in channels)
        size = self.plate.pixel_size or read_raw(self.path).pixel_size

        def read(place: tuple[int, ...]) -> np.ndarray:
            t, c, z = place
            plane = (times[t], channels[c], levels[z])
            path = self.field.files.get(plane)
            if path is None:
                raise ImageReadError(
                    f"{self.plate.name}, {self.field}: there is no file of channel {plane[1]}, "
                    f"plane {plane[2]}, time {plane[0]}. Copy it again."
                )
            pixels = first if path == self.path else self._read(path)
            if pixels.shape != first.shape:
                raise ImageReadError(
                    f"{path}: is of {pixels.shape[0]} x {pixels.shape[1]} px, {self.path.name} of "
                    f"the same field of {first.shape[0]} x {first.shape[1]}. Export it again."
                )
            return pixels

        return RawImage(Stack(shape, first.dtype, read), "TCZYX", pixel_size=size, channels=names)

    @staticmethod
    def _read(path: Path) -> np.ndarray:
        return select_plane(path, read_raw(path), Choice())


@dataclass(frozen=True)
class ZarrSource:
    """A field of a plate in OME-Zarr.

    Attributes:
        plate: its name.
        field: which.
    """

    plate: str
    field: ZarrField

    @property
    def path(self) -> Path:
        """Of the group of its image."""
        return self.field.path

    @property
    def name(self) -> str:
        """Well and field: "B03_f001"; with the round of imaging, where there are several."""
        field = self.field.field
        return (
            f"{self.field.well}_f{int(field):03d}"
            if field.isdecimal()
            else f"{self.field.well}_{field}"
        )

    @property
    def origin(self) -> Origin:
        """Where in which plate."""
        return _origin(self.name, self.plate, self.field.well, self.field.field)

    def open(self) -> RawImage:
        """All planes, each read when it is asked for."""
        from nucseg_tf.io.readers.omezarr import READER

        return READER.read(self.path)


def _origin(name: str, plate: str, well: str, field: int | str) -> Origin:
    place = parse_well(well)
    row, column = (row_name(place[0]), place[1]) if place else (well, 0)
    return {
        "image": name, "plate": plate, "well": well, "row": row, "column": column,
        "field": int(field) if str(field).isdecimal() else field,
    }  # fmt: skip


def is_zarr_plate(path: str | os.PathLike[str]) -> bool:
    """Whether a folder is a plate in OME-Zarr."""
    return Path(path).is_dir() and is_plate(Path(path))


def plate_sources(
    path: str | os.PathLike[str], pattern: str | None = None, columns: int | None = None
) -> Sequence[Source]:
    """The fields of a plate, by row, column and number.

    Args:
        path: a plate in OME-Zarr, or a folder of files.
        pattern: of the names of files; "auto" or None: one of those that are known.
        columns: of wells, for names that count the wells.

    Raises:
        ImageReadError, UsageError, DataError: it is no plate, or cannot be used.
    """
    if is_zarr_plate(path):
        plate = zarr_plate(path)
        return [ZarrSource(plate.name, field) for field in plate.fields]
    files = read_plate(path, None if pattern == AUTO else pattern, columns)
    return [FilesField(files, field) for field in files.fields]
