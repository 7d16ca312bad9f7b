"""Groups of Zarr files: opened, told apart, and put into their place when they are whole."""

from __future__ import annotations

import glob
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from nucseg_tf.errors import DataError, ImageReadError, OutputError, UsageError
from nucseg_tf.io.extras import load_extra
from nucseg_tf.io.files import unwritable

if TYPE_CHECKING:
    import zarr

VERSIONS = {"0.4": 2, "0.5": 3}  # of OME-Zarr, and the format of Zarr that each asks for
_MARKS = ("zarr.json", ".zgroup", ".zarray")


def load_zarr(failure: type[DataError] = ImageReadError) -> Any:
    """The package zarr, imported when it is first needed.

    Raises:
        DataError: it is not installed; of the type asked for.
    """
    return load_extra("zarr", "zarr", failure)


def is_zarr(path: Path) -> bool:
    """Whether a folder is a group or array of Zarr, whatever its name."""
    return any((path / mark).is_file() for mark in _MARKS)


def open_group(path: Path, mode: str = "r") -> zarr.Group:
    """Open a group, of Zarr 2 or 3, by what lies there, not by what was consolidated once.

    Args:
        path: its folder.
        mode: "r" to read, "r+" to add to it.

    Raises:
        ImageReadError: there is none, or its metadata are damaged.
    """
    zarr = load_zarr()
    if not is_zarr(path):
        what = (
            "is no Zarr: it has none of " + ", ".join(_MARKS) if path.exists() else "no such folder"
        )
        raise ImageReadError(f"{path}: {what}")
    try:
        return zarr.open_group(str(path), mode=mode, use_consolidated=False)
    except (zarr.errors.ContainsArrayError, zarr.errors.GroupNotFoundError) as error:
        raise ImageReadError(
            f"{path}: is an array of Zarr, without metadata of OME-Zarr. Name its group."
        ) from error
    except Exception as error:  # json, KeyError, ...: whatever damaged metadata make of zarr
        raise ImageReadError(
            f"{path}: its metadata are damaged ({error!r}). Copy it again."
        ) from error


def ome_attributes(group: zarr.Group) -> dict[str, Any]:
    """What OME-Zarr says of a group: in `ome` from 0.5 on."""
    attributes = group.attrs.asdict()
    inner = attributes.get("ome", attributes)
    return inner if isinstance(inner, dict) else {}


def inner_path(folder: Path, name: str) -> Path:
    """A folder that metadata name, below the one they are in.

    Raises:
        ImageReadError: it is not below.
    """
    parts = PurePosixPath(name).parts
    if not parts or ".." in parts or name.startswith("/") or "\\" in name or ":" in name:
        raise ImageReadError(
            f"{folder}: its metadata name a folder outside of it, {name[:200]!r}. Export it again."
        )
    return folder.joinpath(*parts)


def put_ome_attributes(group: zarr.Group, values: dict[str, Any]) -> None:
    """Set attributes of OME-Zarr beside those that are there, as the group's version wants them."""
    if group.metadata.zarr_format == 2:
        group.attrs.update(values)
    else:
        group.attrs["ome"] = {"version": "0.5", **group.attrs.asdict().get("ome", {}), **values}


@contextmanager
def whole_group(path: Path, zarr_format: int, overwrite: bool = False) -> Iterator[zarr.Group]:
    """Yield a hidden group beside `path`, which takes its place once the block has succeeded.

    Where a group is replaced, there is none for the moment between two renames.

    Args:
        path: of the group; the folder it lies in must exist.
        zarr_format: 2 or 3.
        overwrite: whether one that is there is replaced.

    Raises:
        OutputError: there is one already, or it cannot be written; nothing is left behind.
    """
    zarr = load_zarr(OutputError)
    if path.exists() and not overwrite:
        raise OutputError(f"{path}: is there already. Ask for it to be overwritten, or remove it.")
    temporary, old = (path.with_name(f".{path.name}-{uuid4().hex[:8]}") for _ in range(2))
    try:
        yield zarr.create_group(str(temporary), zarr_format=zarr_format)
        if path.exists():
            path.rename(old)
        temporary.rename(path)
        for left in path.parent.glob(f".{glob.escape(path.name)}-{8 * '[0-9a-f]'}"):
            shutil.rmtree(left, ignore_errors=True)  # `old`, and what killed processes have left
    except OSError as error:
        if old.exists() and not path.exists():
            old.rename(path)
        raise unwritable(path, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def added_to(parent: zarr.Group, kind: str, name: str, overwrite: bool) -> Iterator[zarr.Group]:
    """Yield a new group of a list of groups, such as `labels/nuclei`, and list it once it is whole.

    Args:
        parent: an image, open for writing.
        kind: "labels" or "tables"; made where it is missing.
        name: of the new group.
        overwrite: whether one of that name is replaced.

    Raises:
        UsageError: the name is none of a group.
        OutputError: there is one already, or it cannot be written.
    """
    if not name or name.startswith((".", "__")) or "/" in name or "\\" in name:
        raise UsageError(f"a group of {kind} cannot have the name {name!r}")
    try:
        listing = parent.require_group(kind)
    except OSError as error:
        raise unwritable(folder_of(parent), error) from error
    place = folder_of(listing) / name
    with whole_group(place, parent.metadata.zarr_format, overwrite) as group:
        yield group
    try:
        _list(listing, kind, [*_listed(listing, kind), name])
        _consolidate_again(parent)
        for folder in (folder_of(parent), folder_of(listing)):
            for left in folder.glob(f"*.{32 * '[0-9a-f]'}.partial"):
                left.unlink(missing_ok=True)  # of metadata that zarr was killed while it wrote
    except OSError as error:
        raise unwritable(place, error) from error


def remove_from(parent: zarr.Group, kind: str, name: str) -> None:
    """Remove a group from a list of groups, as of `added_to`, if it is there.

    Raises:
        OutputError: it cannot be removed.
    """
    place = folder_of(parent) / kind / name
    if not place.exists():
        return
    listing = parent.require_group(kind)
    try:
        _list(listing, kind, [other for other in _listed(listing, kind) if other != name])
        shutil.rmtree(place)
    except OSError as error:
        raise OutputError(f"{place}: cannot be removed: {error.strerror}") from error
    _consolidate_again(parent)


def _listed(listing: zarr.Group, kind: str) -> list[str]:
    """Tables have no part in the standard, so their names lie outside `ome`."""
    held = ome_attributes(listing) if kind == "labels" else listing.attrs.asdict()
    return held.get(kind, [])


def _list(listing: zarr.Group, kind: str, names: Iterable[str]) -> None:
    names = list(dict.fromkeys(names))
    if kind == "labels":
        put_ome_attributes(listing, {kind: names})
    else:
        listing.attrs[kind] = names


def _consolidate_again(group: zarr.Group) -> None:
    """Where metadata were consolidated, readers would not see what has come since."""
    zarr = load_zarr()
    held = zarr.open_group(group.store, path=group.path, mode="r")
    if held.metadata.consolidated_metadata is not None:
        zarr.consolidate_metadata(group.store, path=group.path)


def folder_of(group: zarr.Group | zarr.Array) -> Path:
    """Where a group or array of a local store lies."""
    store: Any = group.store
    return Path(store.root) / group.path
