"""A page that edits a project whose server is killed under it, and what must come of its edits."""

from __future__ import annotations

import atexit
import json
import random
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import tifffile

from nucseg_tf.annotation.editor.message import Message
from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.annotation.editor.session import Session
from nucseg_tf.annotation.editor.store import Store

EDITED = ("e", "f")  # by the page; a to d are corrected from the beginning, others by nobody
MOST = 12  # edits of a field, beyond which they are taken back


class Server:
    """`nucseg annotate` as a process of its own."""

    def __init__(self, folder: Path):
        command = [sys.executable, "-m", "nucseg_tf", "annotate", str(folder), "--port", "0"]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        atexit.register(self.process.kill)  # where this script fails
        address = self.process.stdout.readline().strip() if self.process.stdout else ""
        if not address:
            raise SystemExit(f"no server: {self.process.communicate()[1]}")
        base, _, token = address.partition("/#token=")
        headers = {"authorization": f"Bearer {token}"}
        self.client = httpx.Client(base_url=base, headers=headers, trust_env=False, timeout=60)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.process.kill()
        self.process.communicate()

    def end(self) -> None:
        """SIGTERM, as a user's Ctrl-C, and wait until it is gone."""
        self.process.terminate()
        self.process.communicate()

    def loop(self) -> dict[str, Any]:
        """How the loop stands."""
        return self.client.get("/api/loop").json()


class Page:
    """Edits and accepts fields, and sends what was not answered once more.

    Attributes:
        answered: ids of edits, by field.
        sent: messages by id.
        differences: what was refused.
    """

    def __init__(self, rng: random.Random):
        self.rng, self.page = rng, "page-of-anna"
        self.answered: dict[str, list[str]] = {key: [] for key in EDITED}
        self.sent: dict[str, dict[str, Any]] = {}
        self.waiting: tuple[str, str, dict[str, Any]] | None = None
        self.differences: list[str] = []
        self.accepted = 0

    def work(self, server: Server, until: threading.Event) -> None:
        """One step after the other until the server is gone."""
        try:
            while not until.is_set():
                self._step(server)
        except httpx.HTTPError:
            pass  # it was killed; what waits for its answer is sent to the next one

    def _post(self, server: Server, path: str, key: str, **more: Any) -> httpx.Response:
        body = {"field": key, "page": self.page, "user": "", **more}
        return server.client.post(f"/api/{path}", json=body)

    def _step(self, server: Server) -> None:
        path, key, more = self.waiting or self._next(server)
        self.waiting = path, key, more
        answer = self._post(server, path, key, **more)
        self.waiting = None
        late = answer.status_code == 422 and path == "accept"  # was accepted, was not answered
        nothing = answer.status_code == 422 and path == "edit"  # all pixels there are taken
        if nothing or (answer.status_code == 409 and path != "edit"):
            return
        if answer.status_code != 200 and not late:
            self.differences.append(f"{path} {more}: {answer.status_code} {answer.text}")
        elif path == "edit":
            self.answered[key].append(more["edit"]["id"])
        else:
            self.accepted += path == "accept"

    def _next(self, server: Server) -> tuple[str, str, dict[str, Any]]:
        key = self.rng.choice(EDITED)
        opened = self._post(server, "open", key, over=True).json()
        revision = opened["revision"]
        if opened["status"] == "accepted":
            return "reopen", key, {"revision": revision}
        if self.rng.random() < 0.3:
            return "accept", key, {"revision": revision}
        number = f"edit-{len(self.sent):06d}"
        row, column = self.rng.uniform(4, 60), self.rng.uniform(4, 170)
        points = [[row, column], [row + 6, column + 9]]
        edit = {"id": number, "revision": revision, "tool": "draw", "size": 7, "points": points}
        if opened["undo"] > MOST:  # else there is no room left
            edit = {"id": number, "revision": revision, "tool": "undo"}
        self.sent[number] = edit
        return "edit", key, {"edit": edit}


def compare_edits(folder: Path, twin_folder: Path, page: Page) -> list[str]:
    """Differences of journals, and of masks from those that the same steps give in the twin.

    Args:
        folder: of the project.
        twin_folder: what it was in the beginning.
        page: with what it has sent, and what was answered.
    """
    different = list(page.differences)
    for key in EDITED:
        field = open_project(folder).fields[key]
        if not field.is_begun:
            continue
        lines = (field.state / "journal.jsonl").read_text().splitlines()
        entries = [json.loads(line) for line in lines]
        made = [entry["id"] for entry in entries if "id" in entry]
        if made != page.answered[key]:
            missing = set(page.answered[key]) - set(made)
            more = set(made) - set(page.answered[key])
            # The last one may have been made and not answered, as the run ended.
            if missing or len(more) > 1 or len(made) != len(set(made)):
                different.append(f"{key}: journal lacks {missing}, has {more}")
        shape = tifffile.imread(field.image).shape
        other = open_project(twin_folder).fields[key]
        shutil.copyfile(field.state / "base.tif", other.target)  # some model's, by then
        twin = Session(Store(other, shape))
        if twin.store.begin["sha256"] != entries[0]["sha256"]:
            different.append(f"{key}: base.tif is not what the work began from")
        mask: bytes | None = None
        for entry in entries:
            if "id" in entry:
                message = page.sent[entry["id"]] | {"revision": twin.store.revision}
                twin.edit(Message.model_validate(message), "")
            elif entry["type"] == "accept":
                twin.accept("", None)
                mask = twin.store.field.mask.read_bytes()
            elif entry["type"] == "reopen":
                twin.reopen("")
        if mask is not None and field.mask.read_bytes() != mask:
            different.append(f"{key}: another mask")
        own = Session(Store(field, shape))
        if not np.array_equal(own.store.labels.pixels, twin.store.labels.pixels):
            different.append(f"{key}: other labels")
        own.close()
        twin.close()
    return different
