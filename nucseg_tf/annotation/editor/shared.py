"""Work that many pages ask for at once, done once for all of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Shared(Generic[Value]):
    """A function whose result serves all who called before it began; for several threads at once.

    Fifty pages that ask for the list of 10,000 fields would each have it made, one after another.
    So who calls while it is being made waits for the next one, which may know more, with all others
    who wait. Nobody is given what began before the call. It runs in a thread of its own, and who
    waits holds none: those of the server are for edits.

    Args:
        work: the function; what it raises is raised to all who wait for it.
    """

    def __init__(self, work: Callable[[], Value]):
        self._work = work
        self._pool = ThreadPoolExecutor(1, "shared")
        self._guard = threading.Lock()
        self._next: Future[Value] | None = None  # of what has not begun yet

    async def __call__(self) -> Value:
        """The result; those who share it must not change it."""
        # Shielded, for whoever goes away must not end it for the others.
        return await asyncio.shield(asyncio.wrap_future(self.ask()))

    def ask(self) -> Future[Value]:
        """The same, as a promise."""
        with self._guard:
            if self._next is None:
                self._next = self._pool.submit(self._begin)
            return self._next

    def _begin(self) -> Value:
        with self._guard:
            self._next = None
        return self._work()
