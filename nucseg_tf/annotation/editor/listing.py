"""The list of fields as pages have it: looked at once for all, and sent by what has changed.

That of 10,000 fields is 2 MB of JSON, in which an acceptance changes one row. So each row is kept
as the bytes that are sent, with the number of the change that made it so. A page says up to which
change it knows the list, and is sent the rows that are others since.

What made a change does not matter: a look makes each row anew of what is on disk, and compares it
with the bytes that were sent. So what `nucseg prelabel`, the loop or a hand changed is found, too.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from nucseg_tf.annotation.editor.rows import Rows

QUICK = 0.05  # s of a core that a look may take without a rest after it
REST = 9.0  # times as long as it took beyond; so looks take about a tenth of a core at most


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
        self._run = secrets.token_hex(8)  # the numbers of another server say nothing here
        self._now: tuple[int, dict[str, tuple[int, bytes]]] = (0, {})  # replaced, never changed
        self._touched: set[str] = set()
        self._next = 0.0

    def touch(self, key: str) -> None:
        """Say that a page did something to a field: its row is looked at and sent at the next poll.

        Also where it is the same as before, for the page may show it as it was meanwhile.
        """
        self._touched.add(key)

    def look(self) -> None:
        """Bring all rows up to date."""
        with self._turn:
            began = time.thread_time()
            touched = self._take_touched()
            self._take(self._rows.all(), touched)
            took = time.thread_time() - began
            self._next = time.monotonic() + REST * max(0.0, took - QUICK)

    def follow(self) -> None:
        """Bring rows up to date: all, or those touched where all were looked at a moment ago."""
        if time.monotonic() >= self._next:
            self.look()
            return
        with self._turn:
            touched = self._take_touched()
            self._take(map(self._rows.of, touched), touched)

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

    def _take_touched(self) -> frozenset[str]:
        """Those touched so far; asked before their rows are made, so none that comes is lost."""
        touched = frozenset(self._touched.copy())
        self._touched -= touched
        return touched

    def _take(self, rows: Iterable[Mapping[str, Any]], touched: Set[str]) -> None:
        """Note which rows are others now; those touched count as such."""
        number, known = self._now
        changed = {}
        for row in rows:
            line = json.dumps(row, separators=(",", ":")).encode()
            key = row["key"]
            if key in touched or key not in known or known[key][1] != line:
                changed[key] = number + 1, line
        if changed:
            self._now = number + 1, known | changed
