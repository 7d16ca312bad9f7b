"""A plate: which files hold which planes of which fields, and what is missing or odd."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nucseg_tf.errors import ImageReadError
from nucseg_tf.io.plates.headers import read_header

SHOWN = 5  # things that a text names before it counts the rest

Plane = tuple[int, str, int]  # time, channel, plane


@dataclass(frozen=True)
class PlateField:
    """A field of view of a well.

    Attributes:
        well: its name, such as "B03".
        number: of the field in its well.
        files: (t, channel, z) -> image file, with the numbers and channels of the file names; in
            OME-Zarr the field's group, which has them all.
    """

    well: str
    number: int
    files: Mapping[Plane, Path]

    def __str__(self) -> str:
        return f"{self.well} field {self.number}"


@dataclass(frozen=True)
class Plate:
    """A plate of wells.

    Attributes:
        name: of the plate.
        kind: how its files are named.
        rows, columns: of wells, as the microscope says, or of the smallest usual plate with room.
        fields: by row, column and number.
        channels: their names in file names, in order: "C01".
        channel_names: what they show, where that is known: "C01" -> "DAPI".
        pixel_size: µm, where the microscope wrote it beside the images.
        unmatched: images that belong to no field, below the plate's folder.
        troubles: what was wrong with what the microscope wrote beside the images.
    """

    name: str
    kind: str
    rows: int
    columns: int
    fields: tuple[PlateField, ...]
    channels: tuple[str, ...]
    channel_names: Mapping[str, str] = field(default_factory=dict)
    pixel_size: float | None = None
    unmatched: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()

    @property
    def wells(self) -> dict[str, list[PlateField]]:
        """Fields by the name of their well."""
        wells: dict[str, list[PlateField]] = defaultdict(list)
        for each in self.fields:
            wells[each.well].append(each)
        return dict(wells)

    @property
    def times(self) -> tuple[int, ...]:
        """Numbers of all times."""
        return tuple(sorted({t for each in self.fields for t, _, _ in each.files}))

    def planes(self, channel: str) -> tuple[int, ...]:
        """Numbers of the planes that a channel has in any field."""
        return tuple(sorted({z for f in self.fields for _, c, z in f.files if c == channel}))

    def oddities(self, sizes: bool = False) -> list[str]:
        """What is missing or odd, in words; nothing of it keeps the rest from being used.

        Args:
            sizes: look into the header of every file, too, for images of another size.
        """
        found = [*self.troubles, *_missing_fields(self), *_missing_planes(self)]
        if self.unmatched:
            found.append(f"{_count(self.unmatched, 'image')} of no field: {_list(self.unmatched)}")
        return [*found, *_other_sizes(self)] if sizes else found


def _missing_fields(plate: Plate) -> Iterable[str]:
    """Fields that other wells have; wells that lack the same ones are named together."""
    numbers = {each.number for each in plate.fields}
    lacking: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for well, fields in plate.wells.items():
        missing = numbers - {each.number for each in fields}
        if missing:
            lacking[tuple(sorted(missing))].append(well)
    for lost_numbers, wells in lacking.items():
        lost = f"{'field' if len(lost_numbers) == 1 else 'fields'} {ranges(lost_numbers)}"
        yield f"{_count(wells, 'well')} without {lost}, which others have: {_list(wells)}"


def _missing_planes(plate: Plate) -> Iterable[str]:
    """Channels, planes and times that a channel has in other fields."""
    usual: dict[str, set[tuple[int, int]]] = defaultdict(set)
    for each in plate.fields:
        for t, channel, z in each.files:
            usual[channel].add((t, z))
    lacking: dict[str, list[str]] = defaultdict(list)
    for each in plate.fields:
        for channel in plate.channels:
            missing = usual[channel] - {(t, z) for t, c, z in each.files if c == channel}
            if missing:
                lacking[_lack(channel, usual[channel], missing)].append(str(each))
    for lack, names in lacking.items():
        yield f"{_count(names, 'field')} without {lack}, which others have: {_list(names)}"


def _lack(channel: str, usual: set[tuple[int, int]], missing: set[tuple[int, int]]) -> str:
    if missing == usual:
        return f"channel {channel}"
    parts = [f"{len(missing)} of {len(usual)} images of channel {channel}"]
    for name, axis in (("time", 0), ("plane", 1)):
        if len({each[axis] for each in usual}) > 1:
            parts.append(f"{name} {ranges({each[axis] for each in missing})}")
    return ", ".join(parts)


def _other_sizes(plate: Plate) -> Iterable[str]:
    """Images of another size than most, and those whose header cannot be read."""
    files = {path: each for each in plate.fields for path in each.files.values()}
    shapes: dict[tuple[int, int], list[str]] = defaultdict(list)
    for path, each in files.items():
        try:
            shapes[read_header(path).shape].append(f"{each}, {path.name}")
        except ImageReadError as error:
            yield str(error)
    if len(shapes) > 1:
        usual = Counter({shape: len(names) for shape, names in shapes.items()}).most_common(1)[0][0]
        for shape, names in shapes.items():
            if shape != usual:
                yield (
                    f"{_count(names, 'image')} of {shape[0]} x {shape[1]} px instead of "
                    f"{usual[0]} x {usual[1]}: {_list(names, '; ')}"
                )


def ranges(numbers: Iterable[int]) -> str:
    """Whole numbers in short.

    >>> ranges([5, 1, 2, 3, 9])
    '1-3, 5, 9'
    """
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)


def _count(things: Sequence[object], name: str) -> str:
    return f"{len(things):,} {name}{'' if len(things) == 1 else 's'}"


def _list(names: Sequence[str], between: str = ", ") -> str:
    rest = len(names) - SHOWN
    shown = between.join(names[:SHOWN])
    return f"{shown}{between}and {rest:,} more" if rest > 0 else shown
