"""A plate from a folder of files, a plane each, by their names."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from nucseg_tf.errors import DataError, UsageError
from nucseg_tf.io.formats import image_suffixes, result_endings
from nucseg_tf.io.plates.metadata import Metadata, number_of, read_metadata
from nucseg_tf.io.plates.names import HOW_TO, Name, Pattern, own_pattern, recognise
from nucseg_tf.io.plates.plate import Plane, Plate, PlateField
from nucseg_tf.io.plates.wells import Place, smallest_plate, well_name

IMAGES = "images"  # Harmony's folder of images, whose parent has the plate's name


def read_plate(
    folder: str | os.PathLike[str], pattern: str | None = None, columns: int | None = None
) -> Plate:
    """Find the wells, fields, channels, planes and times of a plate by the names of its files.

    No image is opened. Hidden files, thumbnails and results of earlier runs are left out; the
    subfolders are searched, links to folders are not followed.

    Args:
        folder: of the plate.
        pattern: see `plates.names`; one of the known ones if None, the one that most images match.
        columns: of wells, for names that count the wells.

    Raises:
        UsageError: no such folder, no images, names of no known kind, or a pattern that is none.
        DataError: two files are the same plane, or there are several plates.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder")
    if columns is not None and columns < 1:
        raise UsageError(f"--columns: expected 1 or more. Received: {columns}")
    paths = list(_images(folder))
    if not paths:
        inside = sorted(path.name for path in folder.glob("*.zarr"))
        if inside:
            raise UsageError(f"{folder}: holds OME-Zarr; name one: {folder / inside[0]}")
        raise UsageError(f"{folder}: no images ({', '.join(image_suffixes())}) in it or below")
    kind = own_pattern(pattern) if pattern else recognise(paths, str(folder))
    names, unmatched = _read_names(kind, paths, columns)
    if not names:
        raise UsageError(
            f"{folder}: no image's name matches, for instance {paths[0]}. The pattern is "
            f"{kind.regex.pattern}\n{HOW_TO}"
        )
    title = _plate_name(folder, names)
    channels = _channel_keys(names.values())
    fields = _fields(folder, names, channels)
    keys = tuple(sorted(set(channels.values()), key=_natural))
    known, troubles = read_metadata(_around(folder, next(iter(names))), len(keys))
    rows, cols = _size(known, {name.place for name in names.values()})
    return Plate(
        name=title,
        kind=kind.title,
        rows=rows,
        columns=cols,
        fields=fields,
        channels=keys,
        channel_names=_channel_names(keys, known),
        pixel_size=known.pixel_size,
        unmatched=tuple(unmatched),
        troubles=tuple(troubles),
    )


def _images(folder: Path) -> Iterable[str]:
    """Paths of images below a folder, with "/", in order."""
    suffixes, results = image_suffixes(), result_endings()

    def fail(error: OSError) -> None:
        raise DataError(f"{error.filename}: cannot be read: {error.strerror}") from error

    for root, folders, files in os.walk(folder, onerror=fail):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        below = Path(root).relative_to(folder).as_posix()
        for name in sorted(files):
            lower = name.lower()
            if lower.endswith(suffixes) and not lower.endswith(results) and name[0] != ".":
                yield name if below == "." else f"{below}/{name}"


def _read_names(
    kind: Pattern, paths: Iterable[str], columns: int | None
) -> tuple[dict[str, Name], list[str]]:
    """What each path says, and those that say nothing."""
    names, unmatched = {}, []
    for path in paths:
        if kind.leaves_out(path):
            continue
        name = kind.read(path, columns)
        if name is None:
            unmatched.append(path)
        else:
            names[path] = name
    return names, unmatched


def _channel_keys(names: Iterable[Name]) -> dict[tuple[str, str], str]:
    """(action, channel) -> its name: with the action only where a channel has several."""
    actions: dict[str, set[str]] = defaultdict(set)
    for name in names:
        actions[name.channel].add(name.action)
    return {
        (action, channel): channel if len(several) == 1 else f"{action}_{channel}".lstrip("_")
        for channel, several in actions.items()
        for action in several
    }


def _fields(
    folder: Path, names: Mapping[str, Name], channels: Mapping[tuple[str, str], str]
) -> tuple[PlateField, ...]:
    """Fields in order.

    Raises:
        DataError: two files are the same plane.
    """
    fields: dict[tuple[Place, int], dict[Plane, Path]] = defaultdict(dict)
    for path, name in names.items():
        planes = fields[name.place, name.field]
        plane = (name.t, channels[name.action, name.channel], name.z)
        if plane in planes:
            raise DataError(
                f"{planes[plane]} and {folder / path}: both are well {well_name(*name.place)}, "
                f"field {name.field}, channel {plane[1]}, plane {name.z}, time {name.t}. "
                "Move one of them away, or tell them apart with a --pattern."
            )
        planes[plane] = folder / path
    return tuple(
        PlateField(well_name(*place), number, dict(sorted(planes.items())))
        for (place, number), planes in sorted(fields.items())
    )


def _plate_name(folder: Path, names: Mapping[str, Name]) -> str:
    """The name in the files' names, else the folder's.

    Raises:
        DataError: there are several.
    """
    plates: dict[str, str] = {}
    for path, name in names.items():
        plates.setdefault(name.plate, path)
    if len(plates) > 1:
        examples = "; ".join(list(plates.values())[:3])
        raise DataError(
            f"{folder}: holds {len(plates)} plates, for instance {examples}. "
            "Give the folder of one of them, or a --pattern that only its files match."
        )
    place = folder.resolve()
    return next(iter(plates)) or (place.parent if place.name.lower() == IMAGES else place).name


def _around(folder: Path, image: str) -> list[Path]:
    """Folders from that of an image up to the plate's, or one more if that is only of images."""
    places = [folder / parent for parent in Path(image).parents]
    return [*places, folder.resolve().parent] if folder.resolve().name.lower() == IMAGES else places


def _channel_names(keys: Iterable[str], known: Metadata) -> dict[str, str]:
    numbers = {key: number_of(key) for key in keys}
    return {
        key: known.channels[number]
        for key, number in numbers.items()
        if number is not None and number in known.channels
    }


def _size(known: Metadata, places: Iterable[Place]) -> tuple[int, int]:
    """Rows and columns as the microscope says, unless there are wells outside."""
    places = list(places)
    if known.rows and known.columns:
        last = [max(sides) for sides in zip(*places, strict=True)]
        if last[0] <= known.rows and last[1] <= known.columns:
            return known.rows, known.columns
    return smallest_plate(places)


def _natural(text: str) -> list[str | int]:
    """Sorts numbers in names by value: ch2 before ch10."""
    parts = re.split(r"(\d+)", text)
    return [int(part) if odd % 2 else part for odd, part in enumerate(parts)]
