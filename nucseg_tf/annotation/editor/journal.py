"""An append-only file of JSON lines: what is in it has reached the disk.

A line is written whole and synced before `append` returns. If that fails, the file is cut back to
what it was. A process killed while it writes leaves at most one torn line at the end, which is
dropped when the file is opened again: nobody was told that it had been saved.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from nucseg_tf.errors import DataError, OutputError
from nucseg_tf.io.documents import from_json
from nucseg_tf.io.files import reason, sync_folder, unwritable

Entry = dict[str, Any]


class Journal:
    """The file, open for appending.

    Attributes:
        path: of the file; created where it is missing.
        size: bytes of whole lines.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            # Bytes as they are, for lengths are counted; O_APPEND, so that no write overwrites.
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
            self._file = os.open(path, flags, 0o644)
            sync_folder(path.parent)
        except OSError as error:
            raise unwritable(path, error) from error
        self.size = 0

    def read(self) -> list[tuple[int, Entry]]:
        """All entries, each with the place where its line begins; without a torn last line.

        Raises:
            DataError: a line before the last one is damaged.
        """
        content = self.path.read_bytes()
        entries: list[tuple[int, Entry]] = []
        place = 0
        while place < len(content):
            end = content.find(b"\n", place)
            entry = _parse(content[place:end]) if end >= 0 else None
            if entry is None:
                if 0 <= end < len(content) - 1:
                    raise DataError(
                        f"{self.path}: line {len(entries) + 1} is damaged. Put the file back from "
                        "a copy, or move its folder away to begin this field anew. "
                        f"Received: {content[place : place + 60]!r}"
                    )
                break
            entries.append((place, entry))
            place = end + 1
        self.size = place  # the next append cuts off what is behind
        return entries

    def read_at(self, place: int) -> Entry:
        """The entry whose line begins at a place."""
        with self.path.open("rb") as file:
            file.seek(place)
            return json.loads(file.readline())

    def append(self, entry: Entry) -> int:
        """Write an entry, and wait until it is on the disk.

        Returns:
            The place where its line begins.

        Raises:
            OutputError: it cannot be written; the file is as before.
        """
        line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        place = self.size
        try:
            if os.fstat(self._file).st_size != place:  # a torn line, or an earlier failure
                os.ftruncate(self._file, place)
            written = 0
            while written < len(line):
                written += os.write(self._file, line[written:])
            os.fsync(self._file)
        except OSError as error:
            with contextlib.suppress(OSError):  # else a torn line, which the next opening drops
                os.ftruncate(self._file, place)
            raise OutputError(
                f"{self.path}: cannot be written: {reason(error, self.path.parent)}. Nothing was "
                f"changed; do it again. Received: {len(line)} bytes to write"
            ) from error
        self.size = place + len(line)
        return place

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def _parse(line: bytes) -> Entry | None:
    try:
        entry = from_json(line, finite=True)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
