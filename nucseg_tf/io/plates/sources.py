"""The fields of a plate as sources of a run: of files, a plane each, or of OME-Zarr."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nucseg_tf.errors import ImageReadError, UsageError
from nucseg_tf.io import limits
from nucseg_tf.io.choices import Choice
from nucseg_tf.io.images import list_images, read_raw
from nucseg_tf.io.omezarr.plate import ZarrField, is_plate, zarr_plate
from nucseg_tf.io.planes import select_plane
from nucseg_tf.io.plates.folder import read_plate
from nucseg_tf.io.plates.names import recognise
from nucseg_tf.io.plates.plate import Plate, PlateField
from nucseg_tf.io.plates.wells import parse_well, row_name
from nucseg_tf.io.readers.base import RawImage, Stack
from nucseg_tf.io.sources import FileSource, Origin, Source, file_sources

LOG = logging.getLogger(__name__)
AUTO = "auto"
ZARR = ".zarr"


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
        return _name(self.field.well, str(self.field.number))

    @property
    def origin(self) -> Origin:
        """Where in which plate."""
        return _origin(self.name, self.plate.name, self.field.well, str(self.field.number))

    @property
    def group(self) -> None:
        """None, for it consists of files."""

    @property
    def files(self) -> Sequence[Path]:
        """A file a plane."""
        return tuple(self.field.files.values())

    def open(self) -> RawImage:
        """All planes, each read when it is asked for.

        Raises:
            ImageReadError: the first file cannot be read.
        """
        raw = read_raw(self.path)
        first = select_plane(self.path, raw, Choice())
        times, _, levels = (sorted(set(part)) for part in zip(*self.field.files, strict=True))
        channels = self.plate.channels

        def read(place: tuple[int, ...]) -> np.ndarray:
            t, c, z = place
            return self._read((times[t], channels[c], levels[z]), first)

        return RawImage(
            Stack((len(times), len(channels), len(levels), *first.shape), first.dtype, read),
            "TCZYX",
            pixel_size=self.plate.pixel_size or raw.pixel_size,
            pixel_height=None if self.plate.pixel_size else raw.pixel_height,
            channels=tuple(self.plate.channel_names.get(key, key) for key in channels),
            aliases=channels,
        )

    def _read(self, plane: tuple[int, str, int], first: np.ndarray) -> np.ndarray:
        """The plane of a time, channel and z; the first one is at hand."""
        path = self.field.files.get(plane)
        if path is None:
            t, channel, z = plane
            raise ImageReadError(
                f"{self.plate.name}, {self.field}: there is no file of channel {channel}, plane "
                f"{z}, time {t}. Copy it again."
            )
        if path == self.path:
            return first
        pixels = select_plane(path, read_raw(path), Choice())
        if pixels.shape != first.shape:
            raise ImageReadError(
                f"{path}: is of {pixels.shape[0]} x {pixels.shape[1]} px, but {self.path.name} of "
                f"the same field of {first.shape[0]} x {first.shape[1]}. Export it again."
            )
        return pixels


@dataclass(frozen=True)
class ZarrSource:
    """A field of a plate in OME-Zarr.

    Attributes:
        plate: its name.
        field: which.
        several: whether the plate was imaged more than once.
    """

    plate: str
    field: ZarrField
    several: bool = False

    @property
    def path(self) -> Path:
        """Of the group of its image."""
        return self.field.path

    @property
    def name(self) -> str:
        """Well and field: "B03_f001"; with the acquisition, if there are several: "..._a1"."""
        name = _name(self.field.well, self.field.field)
        return f"{name}_a{self.field.acquisition}" if self.several else name

    @property
    def origin(self) -> Origin:
        """Where in which plate, and of which acquisition."""
        origin = _origin(self.name, self.plate, self.field.well, self.field.field)
        if not self.several or self.field.acquisition is None:
            return origin
        return {**origin, "acquisition": self.field.acquisition}

    @property
    def group(self) -> Path:
        """Of its image."""
        return self.field.path

    @property
    def files(self) -> Sequence[Path]:
        """The group of its image."""
        return (self.group,)

    def open(self) -> RawImage:
        """All planes, each read when it is asked for."""
        return read_raw(self.path)


def plate_sources(
    path: str | os.PathLike[str], pattern: str | None = None, columns: int | None = None
) -> Sequence[Source]:
    """The fields of a plate, by row, column and number; what is odd in it is logged.

    Args:
        path: a plate in OME-Zarr, or a folder of files.
        pattern: of the names of files; "auto" or None: one of those that are known.
        columns: of wells, for names that count the wells.

    Raises:
        ImageReadError, UsageError, DataError: it is no plate, or cannot be used.
    """
    path = Path(path)
    if is_plate(path):
        if columns is not None or pattern not in (None, AUTO):
            raise UsageError(f"{path}: is OME-Zarr, which needs no --pattern and no --columns")
        listed = zarr_plate(path)
        for missing in listed.missing:
            LOG.warning("%s: is listed by the plate, and not there", missing)
        several = len({field.acquisition for field in listed.fields}) > 1
        fields: Sequence[Source] = [ZarrSource(listed.name, f, several) for f in listed.fields]
        return sorted(fields, key=lambda source: source.name)
    plate = read_plate(path, None if pattern == AUTO else pattern, columns)
    for text in plate.oddities():
        LOG.warning("%s: %s", path, text)
    return [FilesField(plate, field) for field in plate.fields]


def find_sources(
    paths: Iterable[str | os.PathLike[str]],
    scene: int | str | None = None,
    pattern: str | None = None,
    columns: int | None = None,
) -> list[Source]:
    """The images at some paths: files, folders of them, and plates.

    Args:
        paths: files, plates in OME-Zarr, folders of both; and folders of a plate's files, with a
            pattern. A file may be followed by a scene: "stack.h5:/volumes/raw".
        scene: as of `file_sources`.
        pattern, columns: as of `plate_sources`.

    Raises:
        UsageError, DataError: there is nothing at a path, or no plate that can be used.
    """
    limits.most()  # what is wrong with its variable is no fault of an image
    found: list[Source] = []
    known: set[str] = set()
    for given in paths:
        path, inner = split_scene(given)
        if inner is not None:
            found.append(FileSource(path, inner))
            continue
        if is_plate(path) or (pattern is not None and path.is_dir()):
            found += plate_sources(path, pattern, columns)
            continue
        files = list_images([path])
        if path.is_dir() and len(files) > 1:
            _hint(path, files)
        new = {place: file for file in files if (place := os.path.realpath(file)) not in known}
        known |= new.keys()
        plates = [file for file in new.values() if file.suffix == ZARR and is_plate(file)]
        found += file_sources([file for file in new.values() if file not in plates], scene)
        for plate in plates:
            found += plate_sources(plate)
    return found


def split_scene(path: str | os.PathLike[str]) -> tuple[Path, str | None]:
    """A path, and the scene that is named behind it, where there is no such file."""
    whole, found, inner = os.fspath(path).rpartition(":")
    if not found or Path(path).exists() or not Path(whole).is_file():
        return Path(path), None
    return Path(whole), inner.lstrip("/")


def _hint(folder: Path, files: Sequence[Path]) -> None:
    """Say where single images look like the planes of a plate."""
    try:
        kind = recognise([file.name for file in files], str(folder))
    except UsageError:
        return
    LOG.warning(
        "%s: its files are named as those of a plate (%s); each is taken for an image of its own. "
        "With --pattern auto they are fields of wells.",
        folder,
        kind.title,
    )


def _name(well: str, field: str) -> str:
    return f"{well}_{f'f{int(field):03d}' if field.isdecimal() else field}"


def _origin(name: str, plate: str, well: str, field: str) -> Origin:
    place = parse_well(well)
    row, column = (row_name(place[0]), place[1]) if place else (well, 0)
    number = int(field) if field.isdecimal() else field
    return {
        "image": name, "plate": plate, "well": well, "row": row, "column": column, "field": number,
    }  # fmt: skip
