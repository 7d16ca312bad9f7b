"""The table of a run on its way, and what is needed to go on with it after a stop of any kind.

A run keeps two hidden files in its folder until it has ended: the rows of all images that are done,
and a line for each of them, written after its rows and label image, that says where its rows end.
What lies beyond the last line is of an image that was not finished, and is cut off. `folder_lock`
keeps a second run out.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from pydantic import TypeAdapter

from nucseg_tf.errors import OutputError
from nucseg_tf.io.documents import from_json
from nucseg_tf.io.files import atomic_path, open_own, unwritable
from nucseg_tf.io.tables import Table, kinds_of

LOG = logging.getLogger(__name__)
PORTION = 2**20  # bytes


@dataclass(frozen=True)
class Entry:
    """An image that is done.

    Attributes:
        name: of its source.
        start, end: of its rows, bytes.
        columns: of its rows, and which kind of values each has (`dtype.kind`).
        image: entry for run.json.
        failures: (plane, reason) of what of it could not be done.
    """

    name: str
    start: int
    end: int
    columns: dict[str, str]
    image: dict[str, Any]
    failures: list[tuple[str, str]] = field(default_factory=list)


_ENTRY = TypeAdapter(Entry)


class Journal:
    """What is done of a run.

    Args:
        folder: of the results.
        key: what the run depends on; one of another key is begun anew.
        part: of the names of files, if several runs share the folder: "-1of4".

    Attributes:
        table: the CSV file to come.
        entries: what is done, by name.
        resumed: whether an earlier run of the same key has left something unfinished.
    """

    def __init__(self, folder: Path, key: str, part: str = ""):
        self.table = folder / f"objects{part}.csv"
        self._rows, self._lines = _files(folder, part)
        self._head = json.dumps({"key": key})
        self.entries: dict[str, Entry] = {}
        self._columns: dict[str, str] = {}  # of the last image, to be shared by the next ones
        self.resumed = self._lines.exists() and self._recall()
        if self._lines.exists() and not self.resumed:
            LOG.info(
                "%s: an unfinished run with other options or images is not gone on with", folder
            )
        if not self.resumed:
            self._begin()

    def _begin(self) -> None:
        """Empty the files of what is on its way."""
        try:
            open_own(self._rows, "wb").close()
            with open_own(self._lines, "w", encoding="utf-8") as lines:
                lines.write(f"{self._head}\n")
        except OSError as error:
            raise unwritable(self.table, error) from error

    def _recall(self) -> bool:
        """Read what an earlier run has done, if it was the same; whether it was."""
        text = self._lines.read_text(encoding="utf-8", errors="replace")
        first, *lines = text.split("\n")
        if first != self._head:
            return False
        with open_own(self._rows, "a+b") as rows:
            kept = [self._shared(entry) for entry in _whole(lines[:-1], rows)]
            rows.truncate(kept[-1].end if kept else 0)
        with atomic_path(self._lines) as temporary:
            text = "".join(f"{line}\n" for line in (first, *lines[: len(kept)]))
            temporary.write_text(text, encoding="utf-8")
        # What failed is tried again: images have no entry, and stacks that lack planes lose theirs.
        self.entries = {entry.name: entry for entry in kept if not entry.failures}
        return True

    def _shared(self, entry: Entry) -> Entry:
        """The entry; its columns, which take most of its memory, are those of the one before."""
        if list(entry.columns.items()) != list(self._columns.items()):
            self._columns = entry.columns
        return replace(entry, columns=self._columns)

    @contextmanager
    def rows(self, name: str) -> Iterator[Rows]:
        """Write the rows of an image; they stay if `Rows.keep` was called in the block.

        Args:
            name: of its source.

        Raises:
            OutputError: the files cannot be written.
        """
        try:
            with open_own(self._rows, "a", newline="", encoding="utf-8") as stream:
                start, rows = stream.tell(), Rows(stream)
                try:
                    yield rows
                finally:
                    stream.flush()
                    if rows.kept is None:
                        stream.truncate(start)
                end = stream.tell()
            if rows.kept is None:
                return
            entry = self._shared(Entry(name, start, end, rows.columns, *rows.kept))
            with open_own(self._lines, "a", encoding="utf-8") as lines:
                lines.write(json.dumps(asdict(entry)) + "\n")
        except OSError as error:
            raise unwritable(self.table, error) from error
        self.entries[name] = entry

    def write(self, names: Sequence[str], empty: Table) -> dict[str, str]:
        """Make the table of all images that are done, in the order of `names`.

        Args:
            names: of all sources.
            empty: the columns if there are no rows.

        Returns:
            Its columns, and which kind of values each has.

        Raises:
            OutputError: the file cannot be written.
        """
        entries = [self.entries[name] for name in names if name in self.entries]
        columns = {name: kind for entry in entries for name, kind in entry.columns.items()}
        columns = columns or kinds_of(empty)
        with (
            atomic_path(self.table) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as stream,
        ):
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(columns)
            for entry in entries:
                self._copy(entry, list(columns), stream, writer)
        return columns

    def _copy(self, entry: Entry, columns: list[str], stream: TextIO, writer: Any) -> None:
        """Write the rows of an image, with empty cells where it lacks columns."""
        with self._rows.open("rb") as rows:
            rows.seek(entry.start)
            if list(entry.columns) == columns:
                stream.flush()
                for size in _portions(entry.end - entry.start):
                    stream.buffer.write(rows.read(size))
                return
            text = io.StringIO(rows.read(entry.end - entry.start).decode("utf-8"), newline="")
            place = {name: number for number, name in enumerate(entry.columns)}
            for cells in csv.reader(text):
                if len(cells) != len(place):
                    raise OutputError(
                        f"{self._rows}: the rows of {entry.name} are damaged. Remove this file, "
                        "and run it again."
                    )
                writer.writerow([cells[place[name]] if name in place else "" for name in columns])


def _whole(lines: Sequence[str], rows: BinaryIO) -> Iterator[Entry]:
    """Entries up to the first line that is none, or whose rows are not all there.

    Args:
        lines: of the list of images.
        rows: of all images.
    """
    end, size = 0, rows.seek(0, os.SEEK_END)
    for line in lines:
        try:
            entry = _ENTRY.validate_python(from_json(line))
        except ValueError:  # what a disk or another program has made of a line
            return
        if not end == entry.start <= entry.end <= size:
            return
        end = entry.end
        rows.seek(max(end - 1, 0))
        if end and rows.read(1) != b"\n":
            return
        yield entry


def forget(folder: Path, part: str = "") -> None:
    """Forget a run, or a part of one, that is not to be gone on with: all of it is done."""
    for file in _files(folder, part):
        file.unlink(missing_ok=True)


def _files(folder: Path, part: str) -> tuple[Path, Path]:
    """Where the rows are kept, and where the list of images."""
    return folder / f".objects{part}.csv.part", folder / f".run{part}.jsonl"


def _portions(size: int) -> Iterator[int]:
    """Bytes that are copied at a time."""
    for first in range(0, size, PORTION):
        yield min(PORTION, size - first)


class Rows:
    """Where the rows of an image are written.

    Attributes:
        columns: of what was written so far, with their kinds.
        kept: what `keep` was given.
    """

    def __init__(self, stream: TextIO):
        self._writer = csv.writer(stream, lineterminator="\n")
        self.columns: dict[str, str] = {}
        self.kept: tuple[dict[str, Any], list[tuple[str, str]]] | None = None

    def write(self, table: Table) -> None:
        """Write the rows of a plane; all planes of an image have the same columns."""
        columns = kinds_of(table)
        if self.columns and list(columns) != list(self.columns):
            raise ValueError(f"expected columns {[*self.columns]}. Received: {[*columns]}")
        self.columns = columns
        self._writer.writerows(table.rows())

    def keep(self, image: dict[str, Any], failures: list[tuple[str, str]]) -> None:
        """Say that the image is done, and its label image written.

        Args:
            image: entry for run.json.
            failures: (plane, reason) of what of it could not be done.
        """
        self.kept = image, failures
