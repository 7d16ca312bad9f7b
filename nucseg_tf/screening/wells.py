"""Numbers of fields become those of wells; where there are no wells, each image stands for itself.

F fields, U units: the wells, or the images.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nucseg_tf.inference.fields import MEASURES, numbers_of
from nucseg_tf.io.plates.wells import (
    Place,
    in_plate,
    parse_row,
    parse_well,
    smallest_plate,
    well_name,
)
from nucseg_tf.screening.aggregate import Aggregate, key_of

Entry = Mapping[str, Any]
SMALLEST = (8, 12)  # rows and columns of a plate that nothing is known of


@dataclass(frozen=True)
class Unit:
    """A well, or an image.

    Attributes:
        name: of the well or image.
        plate: its plate; "" without one.
        place: row and column from 1; None without a well.
        fields: which of the F fields.
    """

    name: str
    plate: str
    place: Place | None
    fields: tuple[int, ...]


@dataclass(frozen=True)
class Metric:
    """One number of each unit.

    Attributes:
        key: that it is known by.
        label: for people.
        of: what `n` counts.
        mean, median, n: (U,).
    """

    key: str
    label: str
    of: str
    mean: np.ndarray
    median: np.ndarray
    n: np.ndarray


def place_of(entry: Entry) -> Place | None:
    """Row and column of a field's well, from its name, else from `row` and `column`."""
    found = parse_well(str(entry.get("well", "")))
    if found is None and "row" in entry and "column" in entry:
        column = str(entry["column"])
        found = in_plate(parse_row(str(entry["row"])), int(column) if column.isdecimal() else 0)
    return found


def find_units(entries: Sequence[Entry]) -> list[Unit]:
    """The wells by plate, row and column; the images, in their order, where no field has a well.

    Fields without a well are left out where others have one.
    """
    wells: dict[tuple[str, Place], list[int]] = defaultdict(list)
    for number, entry in enumerate(entries):
        place = place_of(entry)
        if place is not None:
            wells[str(entry.get("plate", "")), place].append(number)
    if wells:
        return [
            Unit(well_name(*place), plate, place, tuple(fields))
            for (plate, place), fields in sorted(wells.items())
        ]
    return [Unit(title(entry), "", None, (n,)) for n, entry in enumerate(entries)]


def title(entry: Entry) -> str:
    """An image in words."""
    return " ".join(str(entry[name]) for name in ("image", "scene") if name in entry)


def plate_shape(places: Sequence[Place]) -> tuple[int, int]:
    """Rows and columns of the smallest plate, of 96 wells or more, that has all of some wells."""
    return smallest_plate([*places, SMALLEST])


def find_metrics(
    entries: Sequence[Entry],
    units: Sequence[Unit],
    flags: Sequence[Sequence[str]],
    found: Aggregate,
    label: Callable[[str], str],
) -> list[Metric]:
    """All numbers of the units.

    The mean of a measured column is that of all nuclei of a well; its median that of the medians of
    its fields. Numbers of fields are averaged over fields.

    Args:
        entries: of the F fields.
        units: of these.
        flags: of each field.
        found: what the table says of the fields.
        label: from the name of a column to what people call it.
    """
    counts = np.array([entry["nuclei"] for entry in entries], float)
    flagged = np.array([bool(each) for each in flags], float)
    metrics = [
        _of_fields("count", "Nuclei per field", counts, units),
        _of_fields("flagged", "Share of flagged fields", flagged, units),
    ]
    metrics += [
        _of_nuclei(name, label(name), column, entries, units, found)
        for column, name in enumerate(found.columns)
    ]
    for name in MEASURES:
        values = [numbers_of(entry).get(name) for entry in entries]
        numbers = np.array([np.nan if value is None else value for value in values], float)
        metrics.append(_of_fields(f"quality {name}", label(name), numbers, units))
    return [metric for metric in metrics if np.isfinite(metric.mean).any()]


def _of_fields(key: str, label: str, values: np.ndarray, units: Sequence[Unit]) -> Metric:
    """A metric from a value of each field (F,), which may be NaN."""
    parts = [values[list(unit.fields)] for unit in units]
    parts = [part[np.isfinite(part)] for part in parts]
    mean, median = (
        np.array([each(part) if len(part) else np.nan for part in parts])
        for each in (np.mean, np.median)
    )
    # The share of flagged fields is a share, be it called mean or median.
    return Metric(
        key,
        label,
        "fields",
        mean,
        mean if key == "flagged" else median,
        np.array([*map(len, parts)]),
    )


def _of_nuclei(
    key: str,
    label: str,
    column: int,
    entries: Sequence[Entry],
    units: Sequence[Unit],
    found: Aggregate,
) -> Metric:
    """A metric from a column of the table."""
    mean, median, n = (np.full(len(units), np.nan) for _ in range(3))
    for place, unit in enumerate(units):
        fields = [found.fields.get(key_of(entries[number])) for number in unit.fields]
        parts = [field for field in fields if field is not None and field.count[column]]
        n[place] = sum(int(field.count[column]) for field in parts)
        if parts:
            total = sum(field.count[column] * field.mean[column] for field in parts)
            mean[place] = total / n[place]
            median[place] = np.median([field.median[column] for field in parts])
    return Metric(key, label, "nuclei", mean, median, n)
