"""`nucseg merge`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from nucseg_tf.commands.records import now, raise_if_failed, write_record
from nucseg_tf.errors import UsageError


def merge(
    *folders: Path, out: Path | None = None, table: Literal["csv", "parquet"] = "csv"
) -> Path:
    """Put the tables of a run in parts together.

    The parts are shards in one folder (nucseg predict --shard), or runs in several. Writes one
    objects.csv, run.json and, if images had to be left out, failures.csv; label images stay where
    they are. Prints the output folder; the exit code is 3 if images had failed in a part.

    Args:
        folders: results of nucseg predict
        out: folder for the tables; the folder itself, where one is given
        table: csv or parquet (needs the extra of that name)
    """
    if out is None and len(folders) > 1:
        raise UsageError("--out is missing: where to write the tables of several folders")
    target = out or folders[0]
    record = merge_parts(folders, target, table)
    raise_if_failed(target, len(record["failures"]), len(record["images"]))
    return target


def merge_parts(folders: Sequence[Path], target: Path, table: str) -> dict[str, Any]:
    """Write the tables of all parts, and their record.

    Args:
        folders: of parts.
        target: folder for the tables.
        table: csv or parquet.

    Returns:
        The record.
    """
    from nucseg_tf.inference.merge import SAME, columns_of, merge

    parts = merge(folders, target, table)
    records = [part.record for part in parts]
    record: dict[str, Any] = {
        **{name: records[0][name] for name in SAME if name in records[0]},
        "merged": [f"{part.folder}: run{part.suffix}.json" for part in parts],
        "written": now(),
        "seconds": {"total": sum(each["seconds"]["total"] for each in records)},
        "options": records[0]["options"] | {"shard": None, "table": table},
        "images": [image for each in records for image in each["images"]],
        "columns": columns_of(parts),
        "left_out": [],
        "failures": [failure for each in records for failure in each["failures"]],
    }
    write_record(target / "run.json", record)
    return record
