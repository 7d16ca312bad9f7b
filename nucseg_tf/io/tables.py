"""Tables that every run over images writes, without pandas, whose import takes long."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nucseg_tf.errors import UsageError
from nucseg_tf.io.cells import SIGNS, as_cell
from nucseg_tf.io.files import atomic_path

if TYPE_CHECKING:
    import pandas as pd

CSV, PARQUET = FORMATS = "csv", "parquet"
GUARD = f"^'('*[{SIGNS}])"  # what `cells.as_cell` puts before a text, for pyarrow
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
        """Cells as text: numbers with nine digits, nothing for NaN; no formulas, see `cells`."""
        for first in range(0, len(self), CHUNK):  # text takes far more memory than numbers
            part = (column[first : first + CHUNK] for column in self.columns.values())
            yield from zip(*map(_texts, part), strict=True)


def _texts(column: np.ndarray) -> list[str]:
    if column.dtype.kind == "f":
        return ["" if value != value else f"{value:.9g}" for value in column.tolist()]
    texts = [str(value) for value in column.tolist()]
    return texts if column.dtype.kind in "iub" else list(map(as_cell, texts))


def kinds_of(table: Table) -> dict[str, str]:
    """Columns, and which kind of values each has: one letter, as `numpy.dtype.kind`."""
    return {name: values.dtype.kind for name, values in table.columns.items()}


def check_format(table: str) -> None:
    """Refuse a format of tables that cannot be written here; UsageError."""
    if table not in FORMATS:
        raise UsageError(f"--table: expected {' or '.join(FORMATS)}. Received: {table!r}.")
    if table == PARQUET and find_spec("pyarrow") is None:
        raise UsageError('--table parquet: needs pyarrow. Run pip install "nucseg-tf[parquet]".')


def to_parquet(file: Path, out: Path, kinds: Mapping[str, str]) -> None:
    """Write a CSV table as Parquet, block by block.

    Args:
        file: CSV, as `Table.rows` gives it; empty cells become nulls.
        out: the Parquet file.
        kinds: of its columns, as `kinds_of` gives them.

    Raises:
        OutputError: the file cannot be written.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv as arrow_csv
    from pyarrow import parquet

    types = {"i": pa.int64(), "u": pa.int64(), "f": pa.float64(), "b": pa.bool_()}
    schema = pa.schema([(name, types.get(kind, pa.string())) for name, kind in kinds.items()])
    options = arrow_csv.ConvertOptions(
        column_types=schema,
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    quoted = arrow_csv.ParseOptions(newlines_in_values=True)
    with (
        atomic_path(out) as temporary,
        parquet.ParquetWriter(temporary, schema) as writer,
        arrow_csv.open_csv(file, parse_options=quoted, convert_options=options) as blocks,
    ):
        for block in blocks:
            columns = zip(block.columns, schema, strict=True)
            plain = [pc.replace_substring_regex(column, GUARD, r"\1") if field.type == pa.string()
                     else column for column, field in columns]  # fmt: skip
            writer.write_batch(pa.record_batch(plain, schema=schema))


def settle_format(file: Path, table: str, kinds: Mapping[str, str]) -> None:
    """Leave a table in one format alone, so that none of an earlier run stays beside it.

    Args:
        file: CSV, as `Table.rows` gives it.
        table: "csv" or "parquet".
        kinds: of its columns, as `kinds_of` gives them.

    Raises:
        OutputError: the file cannot be written.
    """
    other = file.with_suffix(f".{PARQUET}")
    if table == CSV:
        other.unlink(missing_ok=True)
        return
    to_parquet(file, other, kinds)
    file.unlink()


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


def write_failures(
    folder: Path, failures: Sequence[tuple[Path | str, str]], part: str = ""
) -> None:
    """Write failures.csv, a row an image that could not be done; remove that of an earlier run.

    Args:
        folder: of the results.
        failures: (image or its name, reason).
        part: of the name, if several runs share the folder: "-1of4".

    Raises:
        OutputError: the file cannot be written.
    """
    file = folder / f"failures{part}.csv"
    file.unlink(missing_ok=True)
    if not failures:
        return
    with (
        atomic_path(file) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as stream,
    ):
        writer = csv.writer(stream)
        writer.writerow(["image", "reason"])
        writer.writerows((as_cell(str(path)), as_cell(reason)) for path, reason in failures)


def without_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    """The same table, its texts fit for CSV; see `cells`."""
    texts = [name for name, kind in frame.dtypes.items() if kind.kind not in "iufb"]
    safe = {name: [as_cell(v) if isinstance(v, str) else v for v in frame[name]] for name in texts}
    return frame.assign(**safe)
