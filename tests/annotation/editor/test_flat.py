"""Many pages at once: each is served, nothing is lost, and nothing grows."""

from __future__ import annotations

import gc
import shutil
import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile

from nucseg_tf.annotation.editor.app import make_app
from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.annotation.editor.users import Users
from nucseg_tf.annotation.editor.workspace import Workspace

with warnings.catch_warnings():  # starlette would rather have a newer httpx
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

PAGES, FIRST, ROUNDS = 8, 2, 5
MOST = 15_000  # bytes a visit; image and labels of a field take 24,000


@pytest.fixture
def folder(tmp_path) -> Path:
    """A field for each page."""
    (tmp_path / "images").mkdir()
    tifffile.imwrite(tmp_path / "images" / "0.tif", np.zeros((60, 80), np.uint8))
    for number in range(1, PAGES):
        shutil.copy(tmp_path / "images" / "0.tif", tmp_path / "images" / f"{number}.tif")
    return tmp_path


class Page:
    """Lists, opens, edits and accepts its field, again and again."""

    def __init__(self, app, number: int):
        self.client = TestClient(app, "http://127.0.0.1:8765")
        self.number, self.key = number, str(number)
        self.made: list[str] = []

    def ask(self, path: str, body: dict | None = None):
        who = {"page": f"page-number-{self.number}", "user": ""}
        get, post = self.client.get, self.client.post
        answer = get(f"/api/{path}") if body is None else post(f"/api/{path}", json=who | body)
        assert answer.status_code == 200, answer.text
        return answer

    def work(self, rounds: range) -> None:
        for turn in rounds:
            key = self.key
            assert len(self.ask("project").json()["fields"]) == PAGES
            opened = self.ask("open", {"field": key}).json()
            self.ask(f"image?field={key}")
            self.ask(f"labels?field={key}")
            if opened["status"] == "accepted":
                self.ask("reopen", {"field": key, "revision": opened["revision"]})
            name = f"edit-{self.number}-{turn:03d}"
            edit = {"id": name, "revision": opened["revision"], "tool": "draw", "size": 3}
            edit |= {"points": [[6 * turn + 3, 5], [6 * turn + 3, 30 + turn]]}
            seen = self.ask("edit", {"field": key, "edit": edit}).json()["revision"]
            self.made.append(name)
            self.ask("accept", {"field": key, "revision": seen})
            self.ask("leave", {"field": key})


def in_use() -> tuple[int, int]:
    """Bytes that Python knows of, and open files."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0], sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts files as Linux shows them")
def test_eight_pages_at_once(folder):
    workspace = Workspace(open_project(folder))
    app = make_app(workspace, Users("me"))
    pages = [Page(app, number) for number in range(PAGES)]
    try:
        with ThreadPoolExecutor(PAGES) as pool:
            list(pool.map(lambda page: page.work(range(FIRST)), pages))
            tracemalloc.start()  # what is there already does not count
            before, files = in_use()
            list(pool.map(lambda page: page.work(range(FIRST, ROUNDS)), pages))
            after, later = in_use()
    finally:
        tracemalloc.stop()
        workspace.close()
    assert later <= files + 4  # fields that the workspace keeps open although nobody edits them
    assert (after - before) / (PAGES * (ROUNDS - FIRST)) < MOST
    for page in pages:
        journal = (folder / "annotation" / page.key / "journal.jsonl").read_text()
        assert [journal.count(f'"id":"{name}"') for name in page.made] == [1] * ROUNDS
