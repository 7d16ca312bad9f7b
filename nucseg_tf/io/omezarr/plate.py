"""Plates of high-content screening: which wells and fields there are, and what is missing."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from nucseg_tf.errors import ImageReadError
from nucseg_tf.io.documents import from_json
from nucseg_tf.io.omezarr.store import inner_path, is_zarr, ome_attributes, open_group


@dataclass(frozen=True)
class ZarrField:
    """A field of view of a plate.

    Attributes:
        well: row and column, the column in two digits at least: "B03".
        row: its name, such as "B".
        column: its name as the plate has it, such as "3" or "03".
        field: its name in the well, such as "0".
        acquisition: number of the round of imaging; None where the plate says none.
        path: of the group of the image.
    """

    well: str
    row: str
    column: str
    field: str
    acquisition: int | None
    path: Path


@dataclass(frozen=True)
class ZarrPlate:
    """What a plate has.

    Attributes:
        name: of the plate; of its folder where it has none.
        fields: in the order of the plate's wells.
        missing: folders of wells and images that are listed but not there.
    """

    name: str
    fields: tuple[ZarrField, ...]
    missing: tuple[Path, ...]


def is_plate(path: Path) -> bool:
    """Whether a folder is the group of a plate; found without the package zarr.

    One whose metadata are damaged is none; whoever opens it as an image is told.
    """
    for file, keys in ((path / "zarr.json", ("attributes", "ome")), (path / ".zattrs", ())):
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            said = from_json(file.read_text(encoding="utf-8"))
            for key in keys:
                said = said[key]
            return "plate" in said
    return False


def zarr_plate(path: str | os.PathLike[str]) -> ZarrPlate:
    """List the fields of a plate.

    Raises:
        ImageReadError: no plate, its metadata are damaged, or none of its fields is there.
    """
    path = Path(path)
    plate = ome_attributes(open_group(path)).get("plate")
    if plate is None:
        raise ImageReadError(f"{path}: is no plate of OME-Zarr: its metadata have no `plate`")
    fields: list[ZarrField] = []
    missing: list[Path] = []
    try:
        for well in plate["wells"]:
            _read_well(path, str(well["path"]), fields, missing)
        name = str(plate.get("name") or path.stem)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ImageReadError(
            f"{path}: its metadata do not describe a plate ({error!r}). Export it again."
        ) from error
    if not fields:
        raise ImageReadError(f"{path}: none of the plate's {len(missing)} wells or images is there")
    return ZarrPlate(name, tuple(fields), tuple(missing))


def _read_well(path: Path, place: str, fields: list[ZarrField], missing: list[Path]) -> None:
    """Add the fields of a well that are there to `fields`, what is not to `missing`."""
    row, column = place.split("/")
    folder = inner_path(path, place)
    if not is_zarr(folder):
        missing.append(folder)
        return
    well = f"{row}{column.zfill(2)}"
    for image in ome_attributes(open_group(folder))["well"]["images"]:
        name, acquisition = str(image["path"]), image.get("acquisition")
        inner = inner_path(folder, name)
        if is_zarr(inner):
            number = None if acquisition is None else int(acquisition)
            fields.append(ZarrField(well, row, column, name, number, inner))
        else:
            missing.append(inner)
