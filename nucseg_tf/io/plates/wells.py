"""Wells and their names: "B03" is row 2, column 3; both are counted from 1."""

from __future__ import annotations

import re
from collections.abc import Iterable

# ANSI/SLAS 4 (2004) has 96, 384 and 1536 wells; the smaller plates are as usual.
SIZES = ((2, 3), (3, 4), (4, 6), (6, 8), (8, 12), (16, 24), (32, 48))
_NAME = re.compile(r"([A-Z]|A[A-F])[ _-]*(\d{1,2})", re.IGNORECASE)

Place = tuple[int, int]  # row and column


def row_name(row: int) -> str:
    """Letters of a row.

    >>> [row_name(row) for row in (1, 26, 27, 32)]
    ['A', 'Z', 'AA', 'AF']
    """
    return chr(64 + row) if row <= 26 else "A" + chr(64 + row - 26)


def well_name(row: int, column: int) -> str:
    """Name of a well: letters of the row, two digits of the column."""
    return f"{row_name(row)}{column:02d}"


def parse_well(text: str) -> Place | None:
    """Row and column of a well's name, or None if it is none of any plate.

    >>> parse_well("B03"), parse_well("b - 3"), parse_well("AF48"), parse_well("AG01")
    ((2, 3), (2, 3), (32, 48), None)
    """
    match = _NAME.fullmatch(text.strip())
    return in_plate(parse_row(match[1]), int(match[2])) if match else None


def parse_row(text: str) -> int:
    """Number of a row from its letters, or from a number; 0 where it is neither.

    >>> parse_row("C"), parse_row("AB"), parse_row("08"), parse_row("?")
    (3, 28, 8, 0)
    """
    if text.isdecimal():
        return int(text)
    letters = text.upper()
    if not re.fullmatch("[A-Z]|A[A-F]", letters):
        return 0
    return ord(letters[-1]) - 64 + 26 * (len(letters) - 1)


def in_plate(row: int, column: int) -> Place | None:
    """The same, or None where no plate has such a well."""
    rows, columns = SIZES[-1]
    return (row, column) if 1 <= row <= rows and 1 <= column <= columns else None


def smallest_plate(wells: Iterable[Place]) -> tuple[int, int]:
    """Rows and columns of the smallest usual plate that has all of some wells.

    >>> smallest_plate([(2, 3), (1, 4)])
    (3, 4)
    """
    row, column = (max(sides) for sides in zip(*wells, strict=True))
    return next(size for size in SIZES if row <= size[0] and column <= size[1])
