"""The page of `nucseg annotate`: what it asks for, by one client or by many at once."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np

Times = dict[str, list[tuple[float, float]]]  # by request: when it was asked, and ms
BOXES = 8  # px, about the side of what an edit draws


class Client:
    """What one page asks for, one request after the other.

    Attributes:
        times: of each kind of request.
        errors: answers that are none.
        made: ids of edits that were answered, by field.
    """

    def __init__(self, address: str, name: str, began: float):
        base, _, token = address.partition("/#token=")
        headers = {"authorization": f"Bearer {token}"}
        limits = httpx.Limits(keepalive_expiry=2)  # before the server ends it, as a request comes
        self._http = httpx.Client(
            base_url=base, headers=headers, timeout=120, trust_env=False, limits=limits
        )
        self._who = {"page": f"page-of-{name}", "user": ""}
        self._began = began
        self._rng = random.Random(name)
        self.times: Times = defaultdict(list)
        self.errors: list[str] = []
        self.made: dict[str, list[str]] = defaultdict(list)
        self._seen = ""  # of the list

    def close(self) -> None:
        """End the connection."""
        self._http.close()

    def ask(self, kind: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """An answer; its time is kept, and the error where it is one."""
        began = time.perf_counter()
        if body is None:
            answer = self._http.get(path)
        else:
            answer = self._http.post(path, json=self._who | body)
        now = time.perf_counter()
        self.times[kind].append((began - self._began, 1e3 * (now - began)))
        nothing = kind == "edit" and answer.status_code == 422  # there is no pixel to paint
        if answer.status_code != 200 and not nothing:
            self.errors.append(f"{kind}: {answer.status_code} {answer.text[:200]}")
        return answer

    def list(self) -> list[str]:
        """Keys of all fields."""
        project = self.ask("list", "/api/project").json()
        self._seen = project["seen"]
        return [row["key"] for row in project["fields"]]

    def poll(self) -> None:
        """How the loop stands, and what has changed in the list."""
        self._seen = self.ask("poll", f"/api/loop?seen={self._seen}").json()["seen"]

    def open(self, key: str) -> dict[str, Any]:
        """A field, with all that the page needs to show it."""
        opened = self.ask("open", "/api/open", {"field": key}).json()
        self.ask("image", f"/api/image?field={key}")
        self.ask("labels", f"/api/labels?field={key}")
        return opened

    def edit(self, key: str, opened: dict[str, Any]) -> None:
        """Draw over what is there, in a place drawn at random; `opened` is kept up to date."""
        height, width = opened["image"]["shape"]
        row, column = self._rng.uniform(0, height - BOXES), self._rng.uniform(0, width - BOXES)
        number = f"{self._who['page']}-{sum(map(len, self.made.values())):06d}"
        edit = {"id": number, "revision": opened["revision"], "tool": "draw", "size": 5}
        edit |= {"points": [[row, column], [row + BOXES, column + BOXES]], "over": True}
        answer = self.ask("edit", "/api/edit", {"field": key, "edit": edit})
        if answer.status_code == 200:
            opened["revision"] = answer.json()["revision"]
            self.made[key].append(number)

    def save(self, key: str, opened: dict[str, Any]) -> None:
        """Accept a field, and leave it."""
        body = {"field": key, "revision": opened["revision"]}
        self.ask("save", "/api/accept", body)
        self.ask("leave", "/api/leave", {"field": key})


def walk(client: Client, tick: Callable[[], None], count: int) -> None:
    """Go from field to field: list now and then, thumbnail, image, labels, an edit, save."""
    keys = client.list()
    for number, key in enumerate(keys[:count]):
        client.ask("thumbnail", f"/api/thumbnail?field={key}")
        opened = client.open(key)
        client.edit(key, opened)
        client.save(key, opened)
        client.poll()
        if number % 500 == 499:
            client.list()
        tick()


def edit_much(client: Client, tick: Callable[[], None], count: int) -> None:
    """So many edits of one field, a tenth of them taken back at the end."""
    key = client.list()[0]
    opened = client.open(key)
    for _ in range(count):
        client.edit(key, opened)
        tick()
    for number in range(count // 10):
        undo = {"id": f"undo-of-all-{number:06d}", "revision": opened["revision"], "tool": "undo"}
        answer = client.ask("undo", "/api/edit", {"field": key, "edit": undo})
        opened["revision"] = answer.json()["revision"]
    client.save(key, opened)
    client.open(key)


def crowd(clients: list[Client], tick: Callable[[], None], rounds: int, edits: int = 5) -> None:
    """All at once: each takes fields of its own, lists, looks, edits and saves."""

    def work(client: Client, number: int) -> None:
        keys = client.list()
        for key in keys[number :: len(clients)][:rounds]:
            opened = client.open(key)
            for _ in range(edits):
                client.edit(key, opened)
            client.save(key, opened)
            client.poll()
            tick()

    threads = [
        threading.Thread(target=_noting(client, work), args=(client, number))
        for number, client in enumerate(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _noting(client: Client, work: Callable[[Client, int], None]) -> Callable[[Client, int], None]:
    """Work whose error is noted, for an error in a thread would be lost."""

    def noting(same: Client, number: int) -> None:
        try:
            work(same, number)
        except (httpx.HTTPError, KeyError, ValueError) as error:
            client.errors.append(repr(error))

    return noting


class Silent:
    """Connections over which nothing is sent, from `with` to its end.

    Args:
        address: of the page.
        count: of connections.
    """

    def __init__(self, address: str, count: int):
        port = int(address.partition("/#token=")[0].rpartition(":")[2])
        # From another address: of each, the server takes a limited number.
        place = {"address": ("127.0.0.1", port), "source_address": ("127.0.0.2", 0)}
        self._open = [socket.create_connection(**place) for _ in range(count)]

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *error: object) -> None:
        for connection in self._open:
            connection.close()


def latencies(clients: list[Client]) -> dict[str, dict[str, float]]:
    """Of each kind of request: how many, median and 95th percentile, ms, early and late."""
    kinds = dict.fromkeys(kind for client in clients for kind in client.times)
    found = {}
    for kind in kinds:
        pairs = sorted(pair for client in clients for pair in client.times.get(kind, ()))
        times = np.array([ms for _, ms in pairs])
        fifth = max(1, len(times) // 5)
        found[kind] = {
            "count": len(times),
            "median": round(float(np.median(times)), 1),
            "p95": round(float(np.percentile(times, 95)), 1),
            "first": round(float(np.median(times[:fifth])), 1),
            "last": round(float(np.median(times[-fifth:])), 1),
        }
    return found


def missing_edits(project: Path, clients: list[Client]) -> list[str]:
    """Edits that were answered and are not in the journal of their field, exactly once."""
    lost = []
    for key, made in _made(clients):
        journal = project / "annotation" / key / "journal.jsonl"
        text = journal.read_text(encoding="utf-8") if journal.is_file() else ""
        lost += [number for number in made if text.count(f'"id":"{number}"') != 1]
    return lost


def _made(clients: list[Client]) -> Iterator[tuple[str, list[str]]]:
    for client in clients:
        yield from client.made.items()
