"""Puts the parts of a run together: shards in one folder, or runs in several."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nucseg_tf.errors import DataError, UsageError
from nucseg_tf.inference.fields import write_fields
from nucseg_tf.inference.journal import forget
from nucseg_tf.inference.light import forget_light
from nucseg_tf.inference.record import read_record
from nucseg_tf.io.files import atomic_path, ensure_folder, remove_temporaries
from nucseg_tf.io.tables import CSV, check_format, settle_format, write_failures

_RECORD = re.compile(r"run(-([0-9]+)of([0-9]+))?\.json")
_BEGUN = re.compile(r"\.?run(-([0-9]+)of([0-9]+))\.jsonl?")  # and of parts that have not ended
ORIGIN = ("image", "scene", "plate", "well", "field")  # of the entries of images
SAME = ("command", "model", "engine", "precision")  # of the records of all parts
FREE = ("workers", "shard", "table", "overwrite", "writers")  # options that shards may differ in


@dataclass(frozen=True)
class Part:
    """One part of a run.

    Attributes:
        folder: of its results.
        suffix: of the names of its files, such as "-2of4"; "" of a run that is whole.
        record: its run.json.
    """

    folder: Path
    suffix: str
    record: dict[str, Any]

    @property
    def table(self) -> Path:
        """Its rows."""
        return self.folder / f"objects{self.suffix}.csv"

    def remove(self) -> None:
        """Remove its tables and record; label images are those of the run."""
        self.table.unlink()
        for name in (f"run{self.suffix}.json", f"failures{self.suffix}.csv"):
            (self.folder / name).unlink(missing_ok=True)


def merge(folders: Sequence[Path], out: Path, table: str = CSV) -> list[Part]:
    """Write one objects table, fields.csv and failures.csv of several.

    Label images and tables of the parts stay where they are. Until then, shards that are done know
    that they are, so that all may be run again for the sake of those that are not.

    Args:
        folders: of results; with shards, or of a whole run each.
        out: folder for the tables.
        table: "csv" or "parquet".

    Returns:
        The parts.

    Raises:
        UsageError: a part is missing or not finished, an image is in two of them, or they are of
            different models, or, of shards, options or images.
        OutputError: the files cannot be written.
    """
    check_format(table)
    parts = [part for folder in folders for part in find_parts(folder)]
    _check(parts)
    ensure_folder(out)
    target = out / "objects.csv"
    with (
        atomic_path(target) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as stream,
    ):
        writer = csv.writer(stream, lineterminator="\n")
        kinds = columns_of(parts)
        writer.writerow(kinds)
        for part in parts:
            writer.writerows(_rows(part, list(kinds)))
    settle_format(target, table, kinds)
    write_fields(out / "fields.csv", [image for part in parts for image in part.record["images"]])
    failures = [failure for part in parts for failure in part.record["failures"]]
    write_failures(out, [(failure["image"], failure["reason"]) for failure in failures])
    for part in parts:
        if part.folder.samefile(out):
            forget(part.folder, part.suffix)
            forget_light(part.folder)
            remove_temporaries(part.folder)
    return parts


def columns_of(parts: Sequence[Part]) -> dict[str, str]:
    """The columns of all parts, as one run would have them, with their kinds.

    Parts in which nothing was done know only those that every table has.
    """
    able = [part for part in parts if part.record["images"]] or parts
    return {name: kind for part in able for name, kind in part.record["columns"].items()}


def refuse_other_counts(folder: Path, count: int) -> None:
    """Raise UsageError if a folder has shards of a run that was done in another number of them."""
    counts = {int(m[3]) for file in folder.iterdir() if (m := _BEGUN.fullmatch(file.name))}
    _refuse_several(folder, counts | {count})


def find_parts(folder: Path) -> list[Part]:
    """The parts of a run in a folder, in their order.

    Raises:
        UsageError: there is no such folder, or some are missing.
        DataError: there are none, or a record is damaged.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder; expected one of results of nucseg predict")
    found = {file: match for file in folder.iterdir() if (match := _RECORD.fullmatch(file.name))}
    shards = {(int(m[2]), int(m[3])): file for file, m in found.items() if m[1]}
    if not shards:
        if folder / "run.json" not in found:
            raise DataError(f"{folder}: has no run.json; expected results of nucseg predict")
        return [_load(folder, "")]
    counts = {count for _, count in shards}
    _refuse_several(folder, counts)
    (count,) = counts
    missing = [str(k) for k in range(1, count + 1) if (k, count) not in shards]
    if missing:
        raise UsageError(
            f"{folder}: of {count} shards, {', '.join(missing)} are missing or have not ended. "
            f"Run nucseg predict with --shard {missing[0]}/{count}."
        )
    return [_load(folder, f"-{k}of{count}") for k in range(1, count + 1)]


def _refuse_several(folder: Path, counts: set[int]) -> None:
    if len(counts) > 1:
        raise UsageError(
            f"{folder}: has parts of different runs: of {' and '.join(map(str, sorted(counts)))}. "
            "Remove those that are not wanted."
        )


def _load(folder: Path, suffix: str) -> Part:
    file = folder / f"run{suffix}.json"
    record = read_record(file)
    complete = not record.get("left_out", True) and record["columns"]
    part = Part(folder, suffix, record)
    if not (complete and part.table.is_file()):
        raise UsageError(f"{folder}: run{suffix}.json is of a run that was stopped. Let it end.")
    return part


def _settings(part: Part) -> dict[str, Any]:
    """What all shards of a run have in common: options, illumination and number of images."""
    options = part.record.get("options", {})
    kept = {name: value for name, value in options.items() if name not in FREE}
    light, count = (part.record.get(name) for name in ("illumination", "found"))
    return kept | {"illumination estimated as": light, "number of images": count}


def _check_shards(one: Part, other: Part) -> None:
    """Raise UsageError where two shards in a folder are of different runs."""
    first, second = _settings(one), _settings(other)
    for name in {**first, **second}:
        if first.get(name) != second.get(name):
            raise UsageError(
                f"{one.folder}: run{one.suffix}.json and run{other.suffix}.json are of different "
                f"runs: {name} {first.get(name)} and {second.get(name)}. Run all parts with the "
                "same options and images."
            )


def _check(parts: Sequence[Part]) -> None:
    first = parts[0].record
    for part in parts[1:]:
        for name in SAME:
            if part.record.get(name) != first.get(name):
                raise UsageError(
                    f"{part.folder}: run{part.suffix}.json is of another {name} than "
                    f"{parts[0].folder}: run{parts[0].suffix}.json."
                )
    for one, other in itertools.pairwise(parts):
        if one.folder == other.folder and one.suffix:
            _check_shards(one, other)
    seen: dict[tuple[str, ...], Part] = {}
    for part in parts:
        for image in part.record["images"]:
            image_name = tuple(str(image[key]) for key in ORIGIN if key in image)
            other = seen.setdefault(image_name, part)
            if other is not part:
                raise UsageError(
                    f"{' '.join(image_name)} is in {other.table} and in {part.table}. "
                    "Images must have been predicted once."
                )


def _rows(part: Part, columns: list[str]) -> Iterator[list[str]]:
    with part.table.open(newline="", encoding="utf-8") as stream:
        reader = csv.reader(stream)
        place = {name: number for number, name in enumerate(next(reader))}
        try:
            for cells in reader:
                yield [cells[place[name]] if name in place else "" for name in columns]
        except (csv.Error, IndexError) as error:
            raise DataError(
                f"{part.table}: damaged ({error}). Run nucseg predict again."
            ) from error
