"""A process and all that it started, looked at from outside: memory, files, threads. Linux only."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PROC = Path("/proc")


@dataclass(frozen=True)
class Sample:
    """What was seen at one moment, of all processes together.

    Attributes:
        done: images, steps or requests that were done by then.
        seconds: since the watch began.
        rss: memory that lies in RAM, MB; pages that two processes share count twice.
        pss: the same, but of shared pages each has its part.
        files: open file descriptors.
        threads: of all processes.
        processes: how many.
        temporary: files in the folder for temporary files, hidden ones of the results, and those
            that are open although they have no name any more.
        shared: the same in /dev/shm.
        cache: files in the cache.
    """

    done: int
    seconds: float
    rss: float
    pss: float
    files: int
    threads: int
    processes: int
    temporary: int
    shared: int
    cache: int


class Watch:
    """Samples taken in a thread, from `with` to its end.

    Args:
        pid: of the first process.
        done: how much is done by now.
        folders: where temporary files, results and the cache lie: "temporary", "out", "cache".
        every: seconds between samples.
    """

    def __init__(
        self,
        pid: int,
        done: Callable[[], int],
        folders: Mapping[str, Path],
        every: float = 0.5,
    ):
        self.samples: list[Sample] = []
        self._pid, self._done, self._folders, self._every = pid, done, folders, every
        self._began, self._ended = time.perf_counter(), threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look_on(self) -> None:
        while not self._ended.wait(self._every):
            sample = self.look()
            if sample is not None:
                self.samples.append(sample)

    def look(self) -> Sample | None:
        """What there is now; None where the first process is gone."""
        tree = [self._pid, *_below(self._pid)]
        seen = [found for pid in tree if (found := _process(pid)) is not None]
        if not seen or not seen[0]["rss"]:  # gone, or ended and not yet waited for
            return None
        total = {name: sum(one[name] for one in seen) for name in seen[0]}
        folder = self._folders
        total["temporary"] += _count(folder["temporary"]) + _count(folder["out"], hidden=True)
        return Sample(
            done=self._done(),
            seconds=round(time.perf_counter() - self._began, 2),
            rss=round(total["rss"] / 1024, 2),
            pss=round(total["pss"] / 1024, 2),
            files=total["files"],
            threads=total["threads"],
            processes=len(seen),
            temporary=total["temporary"],
            shared=total["shared"],
            cache=_count(folder["cache"]),
        )


def rows(samples: list[Sample]) -> list[dict[str, Any]]:
    """Samples as JSON has them."""
    return [asdict(sample) for sample in samples]


def _below(pid: int) -> Iterator[int]:
    """All processes that one has started, and these."""
    with contextlib.suppress(OSError):  # it has ended meanwhile
        for task in (PROC / str(pid) / "task").iterdir():
            for child in (task / "children").read_text().split():
                yield int(child)
                yield from _below(int(child))


def _process(pid: int) -> dict[str, int] | None:
    """Numbers of one process, memory in kB; None where it is gone."""
    found = {"rss": 0, "pss": 0}
    try:
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            name = line.partition(":")[0].lower()
            if name in found:
                found[name] = int(line.split()[1])
        found["threads"] = sum(1 for _ in (PROC / str(pid) / "task").iterdir())
        targets = [_target(link) for link in (PROC / str(pid) / "fd").iterdir()]
    except OSError:
        return None
    found["files"] = len(targets)
    gone = [target for target in targets if target.endswith(" (deleted)")]
    found["shared"] = sum(target.startswith("/dev/shm/") for target in targets)
    found["temporary"] = sum(target.startswith("/") for target in gone)
    return found


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


def _count(folder: Path, hidden: bool = False) -> int:
    """Files in a folder and below; those alone whose names begin with a point, and not below."""
    if not folder.is_dir():
        return 0
    if hidden:
        with os.scandir(folder) as entries:
            return sum(entry.name.startswith(".") for entry in entries)
    return sum(len(files) for _, _, files in os.walk(folder))
