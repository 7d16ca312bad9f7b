"""Work that many pages ask for at once, done once for all of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Shared(Generic[Value]):
    """A function whose result serves all who called before it began; for several threads at once.

    Fifty pages that ask for the list of 10,000 fields would each have it made, one after another.
    So who calls while it is being made waits for the next one, which may know more, with all others
    who wait. Nobody is given what began before the call.

    Args:
        work: the function; what it raises is raised to one caller, and the next one tries again.
    """

    def __init__(self, work: Callable[[], Value]):
        self._work = work
        self._turn = threading.Lock()
        self._begun = 0
        self._made: tuple[int, Value] | None = None  # number of the call that made it

    def __call__(self) -> Value:
        """The result; those who share it must not change it."""
        asked = self._begun
        with self._turn:
            if self._made is None or self._made[0] <= asked:
                self._begun += 1
                self._made = self._begun, self._work()
            return self._made[1]
