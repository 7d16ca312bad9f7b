"""Tables that every run over images writes, without pandas, whose import takes long."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nucseg_tf.io.files import atomic_path

CHUNK = 10_000  # rows that are text at a time


@dataclass(frozen=True)
class Table:
    """Rows as columns of one length, by name.

    Attributes:
        columns: arrays (N,) of numbers, booleans or text.
    """

    columns: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __getitem__(self, name: str) -> np.ndarray:
        return self.columns[name]

    def rows(self) -> Iterator[tuple[str, ...]]:
        """Cells as text: numbers with nine digits, nothing for NaN."""
        for first in range(0, len(self), CHUNK):  # text takes far more memory than numbers
            part = (column[first : first + CHUNK] for column in self.columns.values())
            yield from zip(*map(_texts, part), strict=True)


def _texts(column: np.ndarray) -> list[str]:
    if column.dtype.kind == "f":
        return ["" if value != value else f"{value:.9g}" for value in column.tolist()]
    return [str(value) for value in column.tolist()]


def write_table(file: Path, tables: Iterable[Table]) -> None:
    """Write tables of the same columns as one CSV file, each as it comes.

    Args:
        file: to write.
        tables: one at least; the first names the columns.

    Raises:
        OutputError: the file cannot be written.
    """
    with (
        atomic_path(file) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as stream,
    ):
        writer = csv.writer(stream, lineterminator="\n")
        for number, table in enumerate(tables):
            if number == 0:
                writer.writerow(table.columns)
            writer.writerows(table.rows())


def write_failures(folder: Path, failures: Sequence[tuple[Path | str, str]]) -> None:
    """Write failures.csv, a row an image that could not be done; remove that of an earlier run.

    Args:
        folder: of the results.
        failures: (image or its name, reason).

    Raises:
        OutputError: the file cannot be written.
    """
    file = folder / "failures.csv"
    file.unlink(missing_ok=True)
    if not failures:
        return
    with (
        atomic_path(file) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as stream,
    ):
        writer = csv.writer(stream)
        writer.writerow(["image", "reason"])
        writer.writerows((str(path), reason) for path, reason in failures)
