"""One piece of work in a thread: its progress in napari, a way to stop it, and what it says.

The work is a function of a `Watch`. It may log warnings, and ends with a result, an error of ours,
which becomes a notification in the words of the widget, or a stop.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from napari.qt.threading import create_worker
from napari.utils import cancelable_progress
from napari.utils.notifications import show_error, show_info, show_warning
from qtpy.QtCore import QObject, Signal

from nucseg_tf.errors import NucsegError
from nucseg_tf.inference.watched import StoppedError, Watch
from nucseg_tf.integrations.napari.words import in_fields

PERCENT = 100
PACKAGE = "nucseg_tf"  # whose warnings are shown


class _Told(QObject):
    """Carries what a thread says to the thread of the window."""

    progress = Signal(int, str)


class Job:
    """Work that begins at once.

    Args:
        work: is called in a thread.
        take: is called with its result, in the thread of the window.
        show: the same with percent and what is at work.
        end: is called when all is over, however it ended.
    """

    def __init__(
        self,
        work: Callable[[Watch], Any],
        take: Callable[[Any], None],
        show: Callable[[int, str], None],
        end: Callable[[], None],
    ):
        self._work, self._take, self._show_more, self._end = work, take, show, end
        self._stopped, self._left = threading.Event(), False
        self._said: tuple[int, str] | None = None
        self._bar = cancelable_progress(total=PERCENT, desc="nucseg")
        self._told = _Told()
        self._told.progress.connect(self._show)
        self._worker = create_worker(self._run, _start_thread=False)
        self._worker.returned.connect(self._take_in)
        self._worker.finished.connect(self._finish)
        self._worker.start()

    def stop(self) -> None:
        """Ask it to stop, at the next tile or plane."""
        self._stopped.set()

    def leave(self) -> None:
        """Stop it, and hear no more of it: whoever asked is there no more."""
        self._left = True
        self.stop()

    def _run(self) -> tuple[Any, Exception | None, list[str]]:
        with _warnings() as texts:
            try:
                return self._work(self._watch), None, texts
            except (NucsegError, StoppedError) as error:
                return None, error, texts

    def _watch(self, share: float, title: str) -> bool:
        news = (int(PERCENT * share), title)
        if news != self._said:  # napari handles events while it shows progress
            self._said = news
            self._told.progress.emit(*news)
        asked = self._stopped.is_set() or self._bar.is_canceled
        return not (asked or self._worker.abort_requested)

    def _show(self, percent: int, title: str) -> None:
        if self._left:
            return
        self._show_more(percent, title)
        self._bar.set_description(title)  # meanwhile napari handles events; the last may be one
        self._bar.update(percent - self._bar.n)

    def _take_in(self, outcome: tuple[Any, Exception | None, list[str]]) -> None:
        if self._left:
            return
        result, error, texts = outcome
        for text in dict.fromkeys(texts):
            show_warning(in_fields(text))
        if isinstance(error, StoppedError):
            show_info("Stopped; no labels were added.")
        elif error is not None:
            show_error(in_fields(str(error)))
        else:
            self._take(result)

    def _finish(self) -> None:
        self._bar.close()
        if not self._left:
            self._end()
        self._left = True
        # napari keeps workers, and so this, as long as its window: not what it worked on and for.
        del self._work, self._take, self._show_more, self._end


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """What is logged meanwhile, by this thread, from warnings on."""
    texts: list[str] = []
    mine = threading.get_ident()

    class Noting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == mine:
                texts.append(record.getMessage())

    handler = Noting(logging.WARNING)
    logger = logging.getLogger(PACKAGE)
    logger.addHandler(handler)
    try:
        yield texts
    finally:
        logger.removeHandler(handler)
