"""Who edits which field: one page at a time, as long as it says that it is there.

A page is a window of a browser, by a random name that it keeps over a reload. Its lock ends when it
leaves, and LEASE seconds after its last sign of life. A page that is left open gives such signs for
ever; so after IDLE seconds in which nobody worked in it, others may take the field over.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

# Browsers let the clocks of hidden windows tick once a minute.
LEASE = 90.0
IDLE = 300.0


@dataclass(frozen=True)
class Lock:
    """A field that is being edited.

    Attributes:
        page: the window.
        user: whose it is.
        until: when it ends, by the clock of `Locks`.
        worked: when its user last did something, by the same.
    """

    page: str
    user: str
    until: float
    worked: float


class Locks:
    """The locks of all fields; for several threads at once."""

    def __init__(
        self,
        lease: float = LEASE,
        clock: Callable[[], float] = time.monotonic,
        idle: float = IDLE,
    ):
        """Begin without locks.

        Args:
            lease: seconds that a lock lasts without a sign of life.
            clock: seconds; replaced in tests.
            idle: seconds without work after which others may take a field over.
        """
        self._lease = lease
        self._idle = idle
        self._clock = clock
        self._locks: dict[str, Lock] = {}
        self._guard = threading.Lock()

    def take(self, key: str, page: str, user: str, over: bool = False, works: bool = True) -> Lock:
        """Ask for a field, or give a sign of life.

        Args:
            key: of the field.
            page: that asks.
            user: whose page it is.
            over: take it from another window of the same user, or from one where nobody works.
            works: whether the user did something since the last time.

        Returns:
            The lock of the field: one's own, or that of somebody else.
        """
        with self._guard:
            held, now = self._live(key), self._clock()
            if held is not None and held.page != page:
                if not (over and (held.user == user or self._is_idle(held))):
                    return held
                held = None
            worked = now if held is None or works else held.worked
            self._locks[key] = lock = Lock(page, user, now + self._lease, worked)
            return lock

    def idle(self, lock: Lock) -> float | None:
        """Seconds since anybody worked in a page, or None if others may not take the field yet."""
        return self._clock() - lock.worked if self._is_idle(lock) else None

    def holder(self, key: str) -> Lock | None:
        """The lock of a field, if it has one."""
        with self._guard:
            return self._live(key)

    def release(self, key: str, page: str) -> bool:
        """Give a field back; False where the page has no lock on it."""
        with self._guard:
            held = self._locks.get(key)
            if held is None or held.page != page:
                return False
            del self._locks[key]
            return True

    def _is_idle(self, lock: Lock) -> bool:
        return self._clock() - lock.worked >= self._idle

    def _live(self, key: str) -> Lock | None:
        held = self._locks.get(key)
        if held is not None and held.until < self._clock():
            del self._locks[key]
            return None
        return held
