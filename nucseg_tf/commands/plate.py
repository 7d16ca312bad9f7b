"""`nucseg plate`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from nucseg_tf.commands.options import Columns, Pattern
from nucseg_tf.console import printable
from nucseg_tf.errors import ImageReadError

if TYPE_CHECKING:
    from nucseg_tf.io.plates.plate import Plate


def plate(
    folder: Path, *, pattern: Pattern = None, columns: Columns = None, sizes: bool = False
) -> None:
    """Say what a plate holds: wells, fields, channels, and what is missing.

    Prints a map of the wells with the number of fields in each, then what else is known, then what
    is missing or odd.

    Args:
        folder: of the plate's files, as the microscope left them
        sizes: look into every file, for images of another size than the rest
    """
    from nucseg_tf.io.plates.open import open_plate

    found = open_plate(folder, pattern, columns)
    for line in (*_map(found), "", *_facts(found)):
        print(printable(line))
    oddities = found.oddities(sizes)
    print("\nNothing is missing." if not oddities else "\nMissing or odd:")
    for text in oddities:
        print(printable(f"- {text}"))


def _map(found: Plate) -> Iterator[str]:
    """Rows and columns of the plate with the number of fields of each well."""
    from nucseg_tf.io.plates.wells import row_name, well_name

    counts = {well: len(fields) for well, fields in found.wells.items()}
    width = max(2, *(len(str(count)) for count in counts.values()))
    columns = range(1, found.columns + 1)
    yield "  ".join(["  ", *(f"{column:{width}d}" for column in columns)])
    for row in range(1, found.rows + 1):
        cells = (counts.get(well_name(row, column), ".") for column in columns)
        yield "  ".join([f"{row_name(row):2}", *(f"{cell:>{width}}" for cell in cells)])


def _facts(found: Plate) -> Iterator[str]:
    from nucseg_tf.io.plates.headers import read_header
    from nucseg_tf.io.plates.plate import ranges

    try:
        header = read_header(next(iter(found.fields[0].files.values())))
        shape, pixel_size = f"{header.shape[0]} x {header.shape[1]} px", header.pixel_size
    except ImageReadError as error:  # one bad image says little about the plate
        shape, pixel_size = f"unknown: {error}", None
    size = found.pixel_size or pixel_size
    yield f"plate       {found.name} ({found.kind}), {found.rows} x {found.columns} wells"
    yield f"wells       {len(found.wells)} with {len(found.fields)} fields"
    for number, channel in enumerate(found.channels):
        name = found.channel_names.get(channel, "")
        planes = found.planes(channel)
        several = f", planes {ranges(planes)}" if len(planes) > 1 else ""
        label = "channels" if number == 0 else ""
        yield f"{label:11} {channel} {name}".rstrip() + several
    yield f"times       {ranges(found.times)}" if len(found.times) > 1 else "times       one"
    yield f"image       {shape}"
    yield f"pixel size  {f'{size:.4g} µm' if size else 'unknown'}"
