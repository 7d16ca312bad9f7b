"""Sends images along their stages, several side by side, and notes the errors of each."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nucseg_tf.errors import NucsegError

LOG = logging.getLogger(__name__)
Stage = Callable[[Any], Any]  # see `inference.stages`


class AbandonedError(Exception):
    """An image on its way when whoever asked for it left."""


@dataclass(frozen=True)
class Way:
    """What became of one image.

    Attributes:
        file: the image.
        value: what the last stage gave; None after an error.
        error: what a stage raised.
        seconds: from the first stage to the last.
    """

    file: Path
    value: Any
    error: Exception | None
    seconds: float

    @property
    def reason(self) -> str:
        """The error in words, "" without one."""
        if self.error is None:
            return ""
        return str(self.error) if isinstance(self.error, NucsegError) else repr(self.error)


@dataclass
class Outcome:
    """What became of the images of a run.

    Attributes:
        done: an entry an image: name, shape, nuclei, seconds.
        failures: (path, reason) of the images that could not be done.
        left_out: images not tried, because the run was stopped.
    """

    done: list[dict[str, Any]] = field(default_factory=list)
    failures: list[tuple[Path, str]] = field(default_factory=list)
    left_out: list[Path] = field(default_factory=list)

    def note(self, way: Way, name: str) -> None:
        """Add an image whose last stage gave `Written`, or whose error is logged now."""
        if way.error:
            known = str(way.file) in way.reason
            LOG.error("%s", way.reason if known else f"{way.file}: {way.reason}")
            self.failures.append((way.file, way.reason))
            return
        (height, width), nuclei = way.value.shape, len(way.value.table)
        entry = {"image": name, "height": height, "width": width, "nuclei": nuclei}
        self.done.append(entry | way.value.scale | {"seconds": round(way.seconds, 3)})


class Line:
    """Files on their way along stages; see `inference.stages` for what these are.

    Each of so many workers, threads, takes an image from the first stage to the last: so while the
    network looks at one, others are read, decoded or written. Whatever is wrong with one image, the
    others are done.

    Args:
        files: the images.
        stages: each takes what the one before gave; the first takes a file.
        workers: how many images may be on their way at once; with 1, none is read ahead.
    """

    def __init__(self, files: Iterable[Path], stages: Sequence[Stage], workers: int = 1):
        self._files, self._stages, self.workers = iter(files), stages, workers
        self._stopped = self._left = False

    def stop(self) -> None:
        """Begin no further image; those on their way are finished."""
        self._stopped = True

    def __iter__(self) -> Iterator[Way]:
        """What became of each file, in their order."""
        if self.workers == 1:
            for file in self._next_files():
                yield self._send(file)
            return
        pool = ThreadPoolExecutor(self.workers, "nucseg")
        try:
            coming: deque[Future[Way]] = deque()
            for file in self._next_files():
                coming.append(pool.submit(self._send, file))
                while len(coming) > self.workers:
                    yield coming.popleft().result()
            while coming:
                yield coming.popleft().result()
        finally:  # the caller may have left, or been interrupted
            self._left = True
            pool.shutdown(cancel_futures=True)

    def _next_files(self) -> Iterator[Path]:
        for file in self._files:
            yield file
            if self._stopped:
                return

    def _send(self, file: Path) -> Way:
        began = time.perf_counter()
        value, error = None, None
        try:
            passing: Any = file
            for stage in self._stages:
                if self._left:
                    raise AbandonedError("nobody waits for it any more")
                passing = stage(passing)
            value = passing
        except Exception as raised:
            LOG.debug("%s", file, exc_info=raised)
            error = raised
        return Way(file, value, error, time.perf_counter() - began)


def run(files: Iterable[Path], stages: Sequence[Stage]) -> Iterator[Way]:
    """Send files along stages, one after another; the caller may stop between two.

    Yields:
        What became of each file, in their order.
    """
    yield from Line(files, stages)
