"""The list of fields as pages have it: looked at once for all, and sent by what has changed.

That of 10,000 fields is 2 MB of JSON, in which an acceptance changes one row. So each row is kept
as the bytes that are sent, with the number of the look that found it to be so. A page says up to
which look it knows the list, and is sent the rows that are others since.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nucseg_tf.annotation.editor.rows import Rows

REST = 9.0  # times as long as it took; so looking at all fields takes a tenth of the time at most


@dataclass(frozen=True)
class Changes:
    """What a page does not know yet of the list.

    Attributes:
        seen: up to where it knows the list with these.
        rows: JSON of each that is new or another one, in the order of the list.
        whole: whether these are all rows there are.
    """

    seen: str
    rows: list[bytes]
    whole: bool

    def added_to(self, found: Mapping[str, Any]) -> bytes:
        """JSON of an answer, with `seen`; and where there are changes, `fields` and `whole`."""
        head = json.dumps(dict(found) | {"seen": self.seen}, separators=(",", ":")).encode()
        if not (self.rows or self.whole):
            return head
        whole = b"true" if self.whole else b"false"
        return b'%s,"whole":%s,"fields":[%s]}' % (head[:-1], whole, b",".join(self.rows))


class Listing:
    """The list of a project; for several threads at once."""

    def __init__(self, rows: Rows):
        """Begin with nothing looked at.

        Args:
            rows: make them.
        """
        self._rows = rows
        self._turn = threading.Lock()  # one look at a time
        self._run = secrets.token_hex(4)  # the numbers of another server say nothing here
        self._now: tuple[int, dict[str, tuple[int, bytes]]] = (0, {})  # replaced, never changed
        self._touched: set[str] = set()
        self._mark: Any = None
        self._next = 0.0

    def touch(self, key: str) -> None:
        """Say that the row of a field may be another one; it is looked at by `follow`."""
        self._touched.add(key)

    def look(self) -> None:
        """Bring all rows up to date."""
        with self._turn:
            began = time.monotonic()
            self._touched.clear()
            self._take(self._rows.all())
            ended = time.monotonic()
            self._next = ended + REST * (ended - began)

    def follow(self, mark: Any) -> None:
        """Bring rows up to date: those touched, and all where something else has changed.

        Args:
            mark: of what the rows depend on; another one means that any may have changed. All
                are looked at again at once, or when `REST` is over.
        """
        if mark != self._mark and time.monotonic() >= self._next:
            self._mark = mark
            self.look()
            return
        with self._turn:
            touched = list(self._touched)
            self._touched.difference_update(touched)
            self._take(self._rows.of(key) for key in touched)

    def since(self, seen: str = "") -> Changes:
        """What has changed since a page was told; all where it was told nothing of this list."""
        number, lines = self._now
        known = self._number_of(seen)
        rows = [line for at, line in lines.values() if known is None or at > known]
        return Changes(f"{self._run}-{number}", rows, known is None)

    def _number_of(self, seen: str) -> int | None:
        run, _, number = seen.partition("-")
        usable = run == self._run and number.isascii() and number.isdecimal() and len(number) < 16
        return int(number) if usable else None

    def _take(self, rows: Iterable[Mapping[str, Any]]) -> None:
        number, known = self._now
        lines = dict(known)
        for row in rows:
            line = json.dumps(row, separators=(",", ":")).encode()
            if row["key"] not in known or known[row["key"]][1] != line:
                lines[row["key"]] = number + 1, line
        self._now = number + 1, lines
