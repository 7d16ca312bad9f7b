"""Progress of a command, on a terminal or elsewhere."""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LOG = logging.getLogger(__name__)
_SHOWN = "\n\t"  # of what moves the cursor
Progress = Callable[[int, int, str], bool]


def printable(text: str) -> str:
    """Text for a terminal: names of files may hold what moves its cursor, or types for its user.

    >>> printable("a\\x1b[2Jb"), printable("a\\nb")
    ('a\\\\x1b[2Jb', 'a\\nb')
    """
    return "".join(
        letter if letter.isprintable() or letter in _SHOWN else letter.encode(
            "unicode_escape", "surrogatepass"
        ).decode()
        for letter in text
    )  # fmt: skip


@contextmanager
def show_progress() -> Iterator[Progress]:
    """A bar on a terminal, a line per image elsewhere.

    Yields a function of the number done, the count and the name of an image, which returns whether
    to go on: after SIGTERM it says no, so that what is done can be written down. In a thread, which
    has neither signals nor a terminal of its own, it writes lines and goes on.
    """
    if threading.current_thread() is not threading.main_thread():
        yield _ask(_lines(), [])
        return
    received: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: received.append(number))
    try:
        with _bar() if sys.stderr.isatty() else contextlib.nullcontext(_lines()) as show:
            yield _ask(show, received)
    finally:
        signal.signal(signal.SIGTERM, before)


def _ask(show: Callable[[int, int, str], None], received: list[int]) -> Progress:
    """Show progress, and say whether no signal was received yet."""

    def progress(done: int, total: int, name: str) -> bool:
        show(done, total, name)
        return not received

    return progress


def _lines() -> Callable[[int, int, str], None]:
    """A line an image, with the time that the rest will take once that can be told."""
    begun: tuple[float, int] | None = None

    def show(done: int, total: int, name: str) -> None:
        nonlocal begun
        left = ""
        if begun is None:  # what is done by now came at once, or is of an earlier run
            begun = time.monotonic(), done
        elif begun[1] < done < total:
            each = (time.monotonic() - begun[0]) / (done - begun[1])
            left = f", {_clock(each * (total - done))} left"
        LOG.info("%d %% (%d/%d%s) %s", 100 * done // total, done, total, left, name)

    return show


def _clock(seconds: float) -> str:
    """Hours, minutes and seconds: 2:05:09."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


@contextmanager
def _bar() -> Iterator[Callable[[int, int, str], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    name_column = TextColumn("{task.description}", markup=False)
    with Bar(*columns, name_column, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total, name: bar.update(
            task, completed=done, total=total, description=printable(name)
        )
