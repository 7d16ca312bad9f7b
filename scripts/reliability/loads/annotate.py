"""`nucseg annotate` on a project of many fields, watched from outside while pages work."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from loads.clients import (
    Client,
    Silent,
    crowd,
    edit_much,
    latencies,
    missing_edits,
    walk,
)
from loads.fields import write_project
from loads.runs import Place, environment
from loads.watch import Watch, rows

FIELDS = 10_000
CLIENTS, SILENT = 50, 50


@contextmanager
def served(project: Path, place: Place) -> Iterator[tuple[str, int, float]]:
    """The page's address, the number of its process, and the seconds until it was there."""
    command = [sys.executable, "-m", "nucseg_tf", "annotate", str(project), "--port", "0"]
    began = time.perf_counter()
    with (
        place.log.open("w") as log,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment(place)
        ) as server,
    ):
        try:
            address = server.stdout.readline().strip() if server.stdout else ""
            if not address:
                raise SystemExit(f"no server: {place.log}")
            yield address, server.pid, time.perf_counter() - began
        finally:
            server.terminate()


def watched(name: str, place: Place, fields: int = FIELDS) -> dict[str, Any]:
    """One of WORKS on a new project, and what became of it.

    Returns:
        As of `runs.watched`; and `requests`: latencies; `errors`; `lost`: edits; `start`: seconds.
    """
    place.folder.mkdir(parents=True, exist_ok=True)
    project = write_project(place.folder.parent / f"project-{fields}", fields)
    for work in ("annotation", "masks"):
        shutil.rmtree(project / work, ignore_errors=True)
    done = Counter()
    with served(project, place) as (address, pid, start), ExitStack() as stack:
        began = time.perf_counter()
        clients = [
            Client(address, f"{name}-{number:03d}", began)
            for number in range(CLIENTS if name == "crowd" else 1)
        ]
        folders = {"temporary": place.folder / "tmp", "out": project, "cache": place.cache}
        watch = stack.enter_context(Watch(pid, done.now, folders))
        WORKS[name](clients, done.tick, place, address)
        took = time.perf_counter() - began
    for client in clients:
        client.close()
    return {
        "command": f"nucseg annotate project  # {fields:,} fields; {name}",
        "count": place.count,
        "seconds": round(took, 1),
        "start": round(start, 2),
        "left": [],
        "requests": latencies(clients),
        "errors": [error for client in clients for error in client.errors][:20],
        "edits": sum(len(made) for client in clients for made in client.made.values()),
        "lost": missing_edits(project, clients),
        "samples": rows(watch.samples),
    }


class Counter:
    """What is done, by several threads."""

    def __init__(self) -> None:
        self._done = 0

    def tick(self) -> None:
        """One more."""
        self._done += 1  # off by a few of several threads at once, which no trend sees

    def now(self) -> int:
        """So many."""
        return self._done


def _walk(clients: list[Client], tick: Callable[[], None], place: Place, address: str) -> None:
    walk(clients[0], tick, place.count)


def _edits(clients: list[Client], tick: Callable[[], None], place: Place, address: str) -> None:
    edit_much(clients[0], tick, place.count)


def _crowd(clients: list[Client], tick: Callable[[], None], place: Place, address: str) -> None:
    with Silent(address, SILENT):
        crowd(clients, tick, max(1, place.count // len(clients)))


WORKS = {"walk": _walk, "edits": _edits, "crowd": _crowd}
