"""A folder of results of `nucseg predict`, as it lies on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nucseg_tf.errors import DataError
from nucseg_tf.inference.record import check_record
from nucseg_tf.io.documents import from_json

RECORD = "run.json"
TABLES = ("objects.csv", "objects.parquet")
NEEDED = ("images", "columns", "failures", "model")


@dataclass(frozen=True)
class Results:
    """What a run left.

    Attributes:
        folder: of the results.
        record: run.json.
        table: objects.csv or objects.parquet.
    """

    folder: Path
    record: Mapping[str, Any]
    table: Path

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The images that are done, with where they are from."""
        return self.record["images"]

    @property
    def kinds(self) -> dict[str, str]:
        """Columns of the table, and which kind of values each has: `numpy.dtype.kind`."""
        return self.record["columns"]


def read_results(folder: Path) -> Results:
    """Read run.json, and find the table beside it.

    Raises:
        DataError: one is missing, is of another command, or of an older version.
    """
    path = folder / RECORD
    try:
        record = from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read: {error}. Run nucseg predict again.") from error
    command = record.get("command") if isinstance(record, dict) else None
    if command != "predict":
        raise DataError(f"{path}: expected a record of nucseg predict. Received: {command!r}.")
    missing = [name for name in NEEDED if name not in record]
    if missing:
        raise DataError(
            f"{path}: lacks {', '.join(missing)}, for it is of an older version. "
            "Run nucseg predict again, into another folder."
        )
    check_record(path, record)
    tables = [folder / name for name in TABLES if (folder / name).is_file()]
    if not tables:
        raise DataError(f"{folder}: has neither {' nor '.join(TABLES)}; run nucseg predict again")
    return Results(folder, record, tables[0])
