"""A row per nucleus becomes numbers of each field, whatever the number of rows.

The table is read in chunks. Rows of a field follow each other, as `nucseg predict` writes them; so
one field at a time is held. C measured columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from nucseg_tf.errors import DataError
from nucseg_tf.io.cells import from_cell

ORIGIN = ("image", "scene", "plate", "well", "field")  # what tells fields apart
PLACES = {
    *("row", "column", "t", "z", "label", "track", "parent"),
    *("diameter", "zoom", "touches_edge"),
}
BOXES = ("centroid_", "bbox_")  # first letters of columns that say where a nucleus is
ROWS = 200_000  # of a chunk
HELD = 2**18  # nuclei of a field at most that medians are taken of; of more, every second, ...
DECADE = 60  # bins of a histogram from 1 to 10
LOW, HIGH = -3, 9  # powers of ten between which histograms have bins

Key = tuple[str, ...]


@dataclass(frozen=True)
class FieldNumbers:
    """Numbers of one field.

    Attributes:
        count: (C,) nuclei with a value in each column.
        mean: (C,) of these; NaN without any.
        median: (C,) of these.
    """

    count: np.ndarray
    mean: np.ndarray
    median: np.ndarray


@dataclass
class Histogram:
    """How many nuclei have which value, in bins of equal ratio; values of 0 and below have none."""

    counts: np.ndarray = field(
        default_factory=lambda: np.zeros((HIGH - LOW) * DECADE, dtype=np.int64)
    )

    def add(self, values: np.ndarray) -> None:
        """Count values."""
        with np.errstate(divide="ignore", invalid="ignore"):
            place = np.floor((np.log10(values) - LOW) * DECADE)
        inside = place[(place >= 0) & (place < len(self.counts))].astype(np.int64)
        self.counts += np.bincount(inside, minlength=len(self.counts))

    def bars(self, most: int = 60) -> tuple[list[float], list[int]]:
        """Edges (B + 1,) and counts (B,) of at most so many bins that hold all but the tails."""
        total = np.cumsum(self.counts)
        if not len(total) or total[-1] == 0:
            return [], []
        first, last = np.searchsorted(total, [0.001 * total[-1] + 0.5, 0.999 * total[-1]])
        width = max(1, -(-int(last + 1 - first) // most))
        last = min(len(self.counts), int(first) + -(-int(last + 1 - first) // width) * width)
        part = self.counts[int(first) : last]
        part = np.pad(part, (0, -len(part) % width))
        counts = part.reshape(-1, width).sum(axis=1)
        edges = 10 ** (LOW + (int(first) + width * np.arange(len(counts) + 1)) / DECADE)
        return edges.tolist(), counts.tolist()


@dataclass
class Aggregate:
    """What a table says of its fields.

    Attributes:
        columns: names of the C columns.
        fields: numbers of each field that has nuclei.
        histograms: of some columns, all nuclei together.
    """

    columns: list[str]
    fields: dict[Key, FieldNumbers]
    histograms: dict[str, Histogram]


def measured_columns(kinds: Mapping[str, str]) -> list[str]:
    """Columns that measure something, from all and their kinds (`numpy.dtype.kind`)."""
    numbers = (name for name, kind in kinds.items() if kind in "iufb")
    return [n for n in numbers if n not in {*ORIGIN, *PLACES} and not n.startswith(BOXES)]


def key_of(entry: Mapping[str, object]) -> Key:
    """What tells a field apart, from its entry in run.json."""
    return tuple(str(entry.get(name, "")) for name in ORIGIN)


def aggregate(
    path: Path, kinds: Mapping[str, str], histograms: Sequence[str], rows: int = ROWS
) -> Aggregate:
    """Go through a table.

    Args:
        path: objects.csv or objects.parquet.
        kinds: of its columns, as run.json has them.
        histograms: columns of which to make one.
        rows: that are read at a time.

    Raises:
        DataError: the table cannot be read, or rows of a field do not follow each other.
    """
    columns = measured_columns(kinds)
    found = Aggregate(columns, {}, {name: Histogram() for name in histograms})
    current: tuple[Key, _Rows] | None = None
    for keys, values in _pieces(path, kinds, columns, rows):
        for name, histogram in found.histograms.items():
            histogram.add(values[:, columns.index(name)])
        for key, part in _by_field(keys, values):
            if current is None or key != current[0]:
                if current is not None:
                    found.fields[current[0]] = current[1].numbers()
                if key in found.fields:
                    raise DataError(
                        f"{path}: rows of {' '.join(filter(None, key))} do not follow each other. "
                        "Sort the table by image, or use the one that nucseg predict wrote."
                    )
                current = key, _Rows(len(columns))
            current[1].add(part)
    if current is not None:
        found.fields[current[0]] = current[1].numbers()
    return found


class _Rows:
    """The nuclei of a field: sums of all, and as many rows as medians need."""

    def __init__(self, columns: int):
        self._count, self._sum = np.zeros(columns, np.int64), np.zeros(columns)
        self._held: list[np.ndarray] = []
        self._step = 1
        self._seen = 0

    def add(self, values: np.ndarray) -> None:
        """Take in rows (n, C)."""
        self._count += np.isfinite(values).sum(axis=0)
        self._sum += np.nansum(np.where(np.isfinite(values), values, np.nan), axis=0)
        self._held.append(values[-self._seen % self._step :: self._step])
        self._seen += len(values)
        while sum(map(len, self._held)) > HELD:
            self._held = [np.concatenate(self._held)[::2]]
            self._step *= 2

    def numbers(self) -> FieldNumbers:
        mean = np.where(self._count > 0, self._sum / np.maximum(self._count, 1), np.nan)
        held = np.concatenate(self._held)
        median = np.array([_median(column) for column in held.T])
        return FieldNumbers(self._count, mean, median)


def _median(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else np.nan


def _by_field(keys: pd.DataFrame, values: np.ndarray) -> Iterator[tuple[Key, np.ndarray]]:
    """Rows of one field after another."""
    if not len(keys):
        return
    texts = keys.to_numpy(dtype=object)
    changes = np.flatnonzero((texts[1:] != texts[:-1]).any(axis=1)) + 1
    for first, last in zip([0, *changes], [*changes, len(texts)], strict=True):
        row = dict(zip(keys.columns, texts[first], strict=True))
        yield key_of(row), values[first:last]


def _pieces(
    path: Path, kinds: Mapping[str, str], columns: list[str], rows: int
) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
    """Chunks of a table: what tells fields apart, as text; measured columns (n, C) float64."""
    origin = [name for name in ORIGIN if name in kinds]
    try:
        for chunk in _chunks(path, kinds, [*origin, *columns], rows):
            values = np.empty((len(chunk), len(columns)))
            for place, name in enumerate(columns):
                values[:, place] = _numbers(chunk[name])
            keys = chunk[origin].astype(object)
            yield keys.where(keys.notna(), "").astype(str).astype(object), values
    except (OSError, ValueError, KeyError) as error:  # pandas' and pyarrow's own are such
        raise DataError(f"{path}: cannot be read as run.json describes it: {error}") from error


def _numbers(column: pd.Series) -> np.ndarray:
    if column.dtype == object or pd.api.types.is_string_dtype(column):  # booleans with gaps
        column = column.map({"True": 1.0, "False": 0.0, True: 1.0, False: 0.0})
    return column.to_numpy(dtype=float, na_value=np.nan)


def _chunks(
    path: Path, kinds: Mapping[str, str], names: list[str], rows: int
) -> Iterator[pd.DataFrame]:
    if path.suffix == ".parquet":
        import pyarrow as pa
        from pyarrow import parquet

        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(rows, columns=names):
                columns = ((name, batch.column(name)) for name in names)
                # Fields that are numbers would be numbers with a point where one is missing.
                texts = {n: c.cast(pa.string()) if n in ORIGIN else c for n, c in columns}
                yield pa.table(texts).to_pandas()
        return
    measured = [name for name in names if name not in ORIGIN]
    origin = [name for name in names if name in ORIGIN]
    types: dict[str, type] = {name: str for name in names if name in ORIGIN}
    types |= {name: float for name in measured if kinds[name] != "b"}
    # Plates may be called NA, so only what is empty is missing, and only among numbers.
    missing = {name: [""] for name in measured}
    with pd.read_csv(
        path,
        usecols=names,
        dtype=types,
        keep_default_na=False,
        na_values=missing,
        chunksize=rows,
    ) as reader:
        for table in reader:
            # Names repeat in each row, and only a few differ.
            known = {n: {text: from_cell(text) for text in table[n].unique()} for n in origin}
            yield table.assign(**{name: table[name].map(texts) for name, texts in known.items()})
