"""Sends images along their stages, several side by side, and notes the errors of each."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from nucseg_tf.errors import MemoryLimitError, NucsegError
from nucseg_tf.imaging.memory import explain, is_exhausted

LOG = logging.getLogger(__name__)
Stage = Callable[[Any], Any]  # see `inference.stages`


class AbandonedError(Exception):
    """An image on its way when whoever asked for it left."""


@dataclass(frozen=True)
class Way:
    """What became of one image.

    Attributes:
        item: the image: its file, or what else the first stage takes.
        value: what the last stage gave; None after an error.
        error: what a stage raised.
        seconds: from the first stage to the last.
    """

    item: Any
    value: Any
    error: Exception | None
    seconds: float

    @property
    def reason(self) -> str:
        """The error in words, "" without one."""
        if self.error is None:
            return ""
        return str(self.error) if isinstance(self.error, NucsegError) else repr(self.error)

    def describe(self, name: str) -> dict[str, Any]:
        """For run.json: what the last stage, `Written`, says of an image."""
        (height, width), nuclei = self.value.shape, len(self.value.table)
        entry = {"image": name, "height": height, "width": width, "nuclei": nuclei}
        entry |= self.value.scale | {"seconds": round(self.seconds, 3)}
        return entry | ({"quality": self.value.quality} if self.value.quality else {})


@dataclass
class Outcome:
    """What became of the images of a run.

    Attributes:
        done: an entry an image: name, shape, nuclei, seconds.
        failures: (image, reason) of those that could not be done.
        errors: of these, in the same order.
        left_out: images not tried, because the run was stopped.
        columns: of the table, and which kind of values each has (`numpy.dtype.kind`).
        light: hash of the illumination that was corrected, "" of none.
    """

    done: list[dict[str, Any]] = field(default_factory=list)
    failures: list[tuple[Any, str]] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    left_out: list[Any] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)
    light: str = ""

    def note(self, way: Way, name: str) -> None:
        """Add an image whose last stage gave `Written`, or whose error is logged now."""
        if way.error:
            self.note_error(way)
        else:
            self.done.append(way.describe(name))

    def note_error(self, way: Way) -> None:
        """Log the error of an image."""
        known = str(way.item) in way.reason
        LOG.error("%s", way.reason if known else f"{way.item}: {way.reason}")
        self.failures.append((way.item, way.reason))
        self.errors += [way.error] if way.error else []


class Line:
    """Images on their way along stages; see `inference.stages` for what these are.

    Each of so many workers, threads, takes an image from the first stage to the last: so while the
    network looks at one, others are read, decoded or written. Whatever is wrong with one image, the
    others are done. One that finds no memory left beside others is sent along once more when they
    are done, and from then on one follows the other.

    Args:
        items: the images, as the first stage takes them.
        stages: each takes what the one before gave.
        workers: how many images may be on their way at once; with 1, none is read ahead.
    """

    def __init__(self, items: Iterable[Any], stages: Sequence[Stage], workers: int = 1):
        self._items, self._stages, self.workers = iter(items), stages, workers
        self._stopped = self._left = self._alone = False

    def stop(self) -> None:
        """Begin no further image; those on their way are finished."""
        self._stopped = True

    def __iter__(self) -> Iterator[Way]:
        """What became of each image, in their order."""
        if self.workers == 1:
            for item in self._next():
                yield self._send(item)
            return
        pool = ThreadPoolExecutor(self.workers, "nucseg")
        try:
            coming: deque[Future[Way]] = deque()
            for item in self._next():
                if self._alone:
                    yield self._send(item)
                    continue
                coming.append(self._begin(pool, item))
                while len(coming) > (0 if self._alone else self.workers):
                    yield self._end(coming)
            while coming:
                yield self._end(coming)
        finally:  # the caller may have left, or been interrupted
            self._left = True
            pool.shutdown(cancel_futures=True)

    def _begin(self, pool: ThreadPoolExecutor, item: Any) -> Future[Way]:
        try:
            return pool.submit(self._send, item)
        except RuntimeError as error:  # no memory for the stack of one thread more
            if not is_exhausted(error):
                raise
            raise MemoryLimitError(f"{item}: {explain(error)}") from error

    def _end(self, coming: deque[Future[Way]]) -> Way:
        """The next that is done; again, when there is no other, if it found no memory left."""
        way = coming.popleft().result()
        if way.error is None or not is_exhausted(way.error):
            return way
        wait(coming)
        LOG.warning("%s: out of memory; again, and from now on one image after another", way.item)
        self._alone = True
        return self._send(way.item)

    def _next(self) -> Iterator[Any]:
        for item in self._items:
            yield item
            if self._stopped:
                return

    def _send(self, item: Any) -> Way:
        began = time.perf_counter()
        value, error = None, None
        try:
            passing = item
            for stage in self._stages:
                if self._left:
                    raise AbandonedError("nobody waits for it any more")
                passing = stage(passing)
            value = passing
        except Exception as raised:
            LOG.debug("%s", item, exc_info=raised)
            error = raised
            if is_exhausted(error) and not isinstance(error, MemoryLimitError):
                error = MemoryLimitError(f"{item}: {explain(raised)}")
        return Way(item, value, error, time.perf_counter() - began)


def run(items: Iterable[Any], stages: Sequence[Stage]) -> Iterator[Way]:
    """Send images along stages, one after another; the caller may stop between two.

    Yields:
        What became of each image, in their order.
    """
    yield from Line(items, stages)
