"""Who works on which field, and for how long."""

from __future__ import annotations

import time
from typing import Any

from nucseg_tf.annotation.editor.locks import Lock, Locks
from nucseg_tf.annotation.editor.visit import LockedError, Visit


class Attendance:
    """The pages at work. For several threads at once, of which one at a time works on a field.

    Attributes:
        locks: who edits which field.
    """

    def __init__(self, locks: Locks):
        self.locks = locks
        self._worked: dict[str, float] = {}  # seconds on a field that no entry tells of yet
        self._told: dict[str, float] = {}  # when a page last told of seconds

    def begin(self, visit: Visit, over: bool = False) -> dict[str, Any]:
        """A page opens a field, whose lock it takes if it is free; see `_held`.

        Args:
            visit: who opens it.
            over: take the lock from another window of the same user, or where nobody works.
        """
        lock = self.locks.take(visit.field, visit.page, visit.user, over)
        self._told[visit.page] = time.monotonic()
        return self._held(lock, visit.page)

    def beat(self, visit: Visit) -> dict[str, Any]:
        """A page says that it is still there; see `_held`."""
        works = visit.seconds > 0
        lock = self.locks.take(visit.field, visit.page, visit.user, works=works)
        if lock.page == visit.page:
            self._work(visit)
        return self._held(lock, visit.page)

    def write(self, visit: Visit) -> float:
        """A page writes to a field.

        Returns:
            Seconds worked on it that no entry tells of yet; they are kept until they are taken.

        Raises:
            LockedError: another page edits it.
        """
        lock = self.locks.take(visit.field, visit.page, visit.user)
        if lock.page != visit.page:
            raise LockedError(f"{lock.user} edits this field in another window now")
        self._work(visit)
        return self._worked.get(visit.field, 0)

    def end(self, visit: Visit) -> bool:
        """A page is about to leave a field; whether it holds its lock, and so may write of it."""
        held = self.locks.holder(visit.field)
        if held is None or held.page != visit.page:
            return False
        self._work(visit)
        return True

    def take_seconds(self, key: str) -> float:
        """Seconds worked on a field that no entry tells of yet; one does from now on."""
        return self._worked.pop(key, 0)

    def _work(self, visit: Visit) -> None:
        """Add the seconds that a page tells of, as far as they can have passed."""
        now = time.monotonic()
        passed = now - self._told.get(visit.page, now)
        self._told[visit.page] = now
        worked = min(visit.seconds, passed + 1)
        self._worked[visit.field] = self._worked.get(visit.field, 0) + worked

    def _held(self, lock: Lock, page: str) -> dict[str, Any]:
        """Who edits a field; `idle` is None, or seconds if it may be taken over."""
        mine = lock.page == page
        idle = None if mine else self.locks.idle(lock)
        return {"writable": mine, "user": lock.user, "idle": idle}
