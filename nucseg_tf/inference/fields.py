"""Which fields of a run are to be looked at, and fields.csv: a row a field, with its numbers.

Entries are those of run.json, `images`: columns of the field's origin, `nuclei`, and the numbers of
`inference.quality` in `quality`. The thresholds are measured; see docs/plate-report.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nucseg_tf.io.tables import Table, write_table

Entry = Mapping[str, Any]
ORIGIN = ("image", "scene", "plate", "well", "row", "column", "field")
MEASURES = ("focus", "saturated", "uneven", "debris", "covered", "median_area_px")

UNFOCUSED = "out of focus"
SATURATED = "saturated"
EMPTY = "empty"
DEBRIS = "debris"
UNEVEN = "uneven"
FEW, MANY = "few nuclei", "many nuclei"
FLAGS = (EMPTY, UNFOCUSED, SATURATED, DEBRIS, UNEVEN, FEW, MANY)

LEAST_FOCUS = 0.6  # edges blurred by some 0.15 diameters (sigma); few sharp fields are below 0.7
LEAST_SHARE = 0.8  # of the plate's median focus; blurred by 0.1 diameters where the plate is sharp
MOST_SATURATED = 0.005  # of all pixels; of sharp, well exposed fields 0.0018 at most
MOST_UNEVEN = 0.3  # contrasts of the nuclei; of usual fields 0.19 at most
MOST_DEBRIS = 0.25  # of the bright objects; of nine in ten usual fields 0.2 at most
ALMOST = 0.05  # of the plate's median count, below which a field is empty
FAR = 3.5  # robust z, from which on a count is an outlier (Iglewicz and Hoaglin 1993)
CHANCE = 0.5  # standard deviation of the root of a count that is due to chance alone (Poisson)
FEWEST = 8  # fields that a plate needs before one of them is compared with the others


@dataclass(frozen=True)
class Typical:
    """What is usual on a plate.

    Attributes:
        fields: how many there are.
        focus: median; None where no field has one.
        focus_spread: a standard deviation from quartiles, so that it is large where a plate has
            cells of several kinds.
        count: median number of nuclei.
        root: median of the roots of the numbers of nuclei, whose spread depends little on the mean.
        spread: of these roots, a robust standard deviation.
    """

    fields: int
    focus: float | None
    focus_spread: float
    count: float
    root: float
    spread: float

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> Typical:
        """Of the fields of one plate, one at least."""
        focus = [f for e in entries if (f := numbers_of(e).get("focus")) is not None]
        counts = np.array([entry["nuclei"] for entry in entries], float)
        roots = np.sqrt(counts)
        root = float(np.median(roots))
        low, usual, high = np.quantile(focus, (0.25, 0.5, 0.75)) if focus else (0.0, None, 0.0)
        return cls(
            fields=len(entries),
            focus=usual,
            focus_spread=(high - low) / 1.349,
            count=float(np.median(counts)),
            root=root,
            spread=max(1.4826 * float(np.median(np.abs(roots - root))), CHANCE),
        )


def numbers_of(entry: Entry) -> Mapping[str, float | None]:
    """The numbers of a field's quality; empty where they were not measured."""
    return entry.get("quality") or {}


def find_flags(entry: Entry, typical: Typical) -> list[str]:
    """What speaks for looking at a field; some of FLAGS, in their order.

    Args:
        entry: of the field.
        typical: of its plate.
    """
    numbers, count = numbers_of(entry), entry["nuclei"]
    compared = typical.fields >= FEWEST
    found = {
        EMPTY: count == 0 or (compared and count < ALMOST * typical.count),
        UNFOCUSED: _is_unfocused(numbers.get("focus"), typical if compared else None),
        SATURATED: _above(numbers.get("saturated"), MOST_SATURATED),
        DEBRIS: _above(numbers.get("debris"), MOST_DEBRIS),
        UNEVEN: _above(numbers.get("uneven"), MOST_UNEVEN),
    }
    z = (count**0.5 - typical.root) / typical.spread if compared else 0.0
    found[FEW] = z < -FAR and not found[EMPTY]
    found[MANY] = z > FAR
    return [flag for flag in FLAGS if found[flag]]


def flag_fields(entries: Sequence[Entry]) -> list[list[str]]:
    """The flags of each field, each compared with those of its plate."""
    plates: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        plates[str(entry.get("plate", ""))].append(entry)
    typical = {name: Typical.of(fields) for name, fields in plates.items()}
    return [find_flags(entry, typical[str(entry.get("plate", ""))]) for entry in entries]


def write_fields(path: Path, entries: Sequence[Entry]) -> None:
    """Write fields.csv: where a field is from, its nuclei, its numbers, and its flags.

    Args:
        path: the file.
        entries: of run.json; columns of the origin that none of them has are left out.

    Raises:
        OutputError: the file cannot be written.
    """
    names = [name for name in ORIGIN if any(name in entry for entry in entries)] or ["image"]
    columns = {name: _texts(entry.get(name, "") for entry in entries) for name in names}
    columns["nuclei"] = np.array([entry["nuclei"] for entry in entries], int)
    for name in MEASURES:
        values = (numbers_of(entry).get(name) for entry in entries)
        columns[name] = np.array([np.nan if v is None else v for v in values], float)
    columns["flags"] = _texts("; ".join(flags) for flags in flag_fields(entries))
    write_table(path, [Table(columns)])


def _is_unfocused(focus: float | None, typical: Typical | None) -> bool:
    """Whether edges are soft in themselves, or much softer than is usual on the plate."""
    if focus is None:
        return False
    if focus < LEAST_FOCUS or typical is None or typical.focus is None:
        return focus < LEAST_FOCUS
    far = typical.focus - focus > FAR * typical.focus_spread
    return far and focus < LEAST_SHARE * typical.focus


def _above(value: float | None, most: float) -> bool:
    return value is not None and value > most


def _texts(values: Iterable[Any]) -> np.ndarray:
    return np.array([str(value) for value in values], object)
