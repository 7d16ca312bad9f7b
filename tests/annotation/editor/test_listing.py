"""The list of fields, by what has changed."""

from __future__ import annotations

import json
import random
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from reference.drawn import drawn_nuclei

from nucseg_tf.annotation.editor import listing
from nucseg_tf.annotation.editor.app import make_app
from nucseg_tf.annotation.editor.listing import Listing
from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.annotation.editor.users import Users
from nucseg_tf.annotation.editor.workspace import Workspace
from nucseg_tf.annotation.loop import versions
from nucseg_tf.annotation.loop.label import replace_prelabels
from nucseg_tf.io.labels import write_labels

with warnings.catch_warnings():  # starlette would rather have a newer httpx
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient


class Rows:
    """Rows that a test changes; it counts what is asked for."""

    def __init__(self, count: int):
        self.values = {f"f{number}": 0 for number in range(count)}
        self.looks = 0
        self.asked: list[str] = []

    def of(self, key: str) -> dict:
        self.asked.append(key)
        return {"key": key, "value": self.values[key]}

    def all(self) -> Iterator[dict]:
        self.looks += 1
        return ({"key": key, "value": value} for key, value in self.values.items())


@pytest.fixture
def rows() -> Rows:
    return Rows(4)


@pytest.fixture
def listed(rows) -> Listing:
    made = Listing(rows)
    made.look()
    return made


def rest(listed: Listing) -> None:
    """As after a look that took long."""
    listed._next = float("inf")


def keys(changes: listing.Changes) -> list[str]:
    return [json.loads(row)["key"] for row in changes.rows]


def test_a_page_is_sent_the_rows_that_are_others_now(rows, listed):
    first = listed.since()
    assert (keys(first), first.whole) == (["f0", "f1", "f2", "f3"], True)
    rows.values["f1"] = 1  # nobody tells of it
    listed.follow()
    second = listed.since(first.seen)
    assert (keys(second), second.whole) == (["f1"], False)
    listed.follow()
    assert listed.since(second.seen) == listing.Changes(second.seen, [], False)


def test_soon_after_a_look_only_what_pages_touched_is_looked_at(rows, listed):
    first = listed.since()
    rest(listed)
    rows.values |= {"f1": 1, "f2": 1}
    listed.touch("f2")
    listed.follow()
    second = listed.since(first.seen)
    assert (keys(second), rows.asked, rows.looks) == (["f2"], ["f2"], 1)
    listed.follow()
    assert keys(listed.since(second.seen)) == []
    assert rows.asked == ["f2"]
    listed.look()
    assert keys(listed.since(second.seen)) == ["f1"]
    assert keys(listed.since(first.seen)) == ["f1", "f2"]


@pytest.mark.parametrize("resting", [False, True])
def test_what_a_page_touched_is_sent_again_though_it_is_the_same(listed, resting):
    """The page may show it otherwise: it changes the row by itself, and that may be too late."""
    seen = listed.since().seen
    listed.touch("f3")
    if resting:
        rest(listed)
    listed.follow()
    assert keys(listed.since(seen)) == ["f3"]


def test_new_fields_come_at_the_end(rows, listed):
    seen = listed.since().seen
    rows.values["a"] = 0
    listed.follow()
    assert keys(listed.since(seen)) == ["a"]
    assert keys(listed.since()) == ["f0", "f1", "f2", "f3", "a"]


@pytest.mark.parametrize("seen", ["", "x", "1", "00000000-1", "-1", "{run}-", "{run}-x", "{run}-²"])
def test_who_knows_another_list_is_sent_the_whole_one(listed, seen):
    run = listed.since().seen.partition("-")[0]
    assert listed.since(seen.format(run=run)).whole


def test_looks_take_a_tenth_of_a_core_at_most_but_quick_ones_do_not_wait(rows, monkeypatch):
    now, took = [100.0], [2.0]
    monkeypatch.setattr(listing.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(listing.time, "thread_time", lambda: now[0])
    work = rows.all

    def slow() -> Iterator[dict]:
        now[0] += took[0]
        return work()

    rows.all, listed = slow, Listing(rows)
    listed.follow()
    listed.follow()  # too early
    assert rows.looks == 1
    now[0] += listing.REST * took[0]
    took[0] = listing.QUICK
    listed.follow()
    listed.follow()
    assert rows.looks == 3


def test_an_answer_has_rows_only_where_there_are_some(rows, listed):
    whole = json.loads(listed.since().added_to({"name": "n"}))
    assert (whole["name"], whole["whole"], len(whole["fields"])) == ("n", True, 4)
    assert json.loads(listed.since(whole["seen"]).added_to({})) == {"seen": whole["seen"]}
    nothing = json.loads(Listing(Rows(0)).since().added_to({}))
    assert (nothing["fields"], nothing["whole"]) == ([], True)


# --- the naive twin: a page that is sent the whole list by a server that has just begun -------


class Page:
    """A page that keeps its list by the changes that polls bring."""

    def __init__(self, workspace: Workspace, name: str):
        self.name, self.workspace = name, workspace
        self.http = TestClient(make_app(workspace, Users(name)))
        project = self.http.get("/api/project").json()
        self.seen, self.rows = project["seen"], {row["key"]: row for row in project["fields"]}

    def poll(self) -> None:
        state = self.http.get("/api/loop", params={"seen": self.seen}).json()
        if state.get("whole"):
            self.rows = {}
        self.rows |= {row["key"]: row for row in state.get("fields", [])}
        self.seen = state["seen"]

    def post(self, path: str, key: str, **more) -> dict:
        """What the server says, also where it refuses."""
        body = {"field": key, "page": f"page-of-{self.name}", "user": self.name, **more}
        return self.http.post(f"/api/{path}", json=body).json()


def whole(workspace: Workspace) -> dict[str, dict]:
    """Each row by a server that has just begun; who has fields open only this one knows."""
    fresh = Workspace(open_project(workspace.project.folder))
    rows = {row["key"]: row for row in fresh._rows.all()}
    fresh.close()
    for key, row in rows.items():
        held = workspace.locks.holder(key)
        row |= {"user": held.user, "page": held.page} if held else {}
    return rows


class Hands:
    """What changes a project, at random: pages, and whoever writes into its folder.

    Args:
        pages: that work on it.
        seed: of what is done.
    """

    def __init__(self, pages: list[Page], seed: int):
        self.pages, self.rng = pages, random.Random(seed)
        self.folder: Path = pages[0].workspace.project.folder
        self.count = 0

    def by_page(self) -> None:
        """A page opens, edits, accepts, reopens, sets aside or leaves a field."""
        page, key = self.rng.choice(self.pages), self.key()
        opened = self.ask(page, "open", key)
        seen = {"revision": opened["revision"]}
        message = {"id": f"edit-{self.number():06d}", "tool": "draw", "size": 3, "over": True}
        message |= seen | {"points": [[self.rng.uniform(0, 60), self.rng.uniform(0, 90)]]}
        path, more = self.rng.choice(
            [
                ("edit", {"edit": message}),
                ("accept", seen),
                ("reopen", seen),
                ("aside", seen | {"on": self.rng.random() < 0.5}),
                ("leave", {}),
            ]
        )
        self.ask(page, path, key, **more)
        if self.rng.random() < 0.4:
            self.ask(page, "leave", key)

    def ask(self, page: Page, path: str, key: str, **more) -> dict:
        """What a page asks for; then one of them polls, so that each is looked at by itself."""
        answer = page.post(path, key, **more)
        self.rng.choice(self.pages).poll()
        return answer

    def by_loop(self) -> None:
        """Other labels with their sidecar."""
        labels = drawn_nuclei()[1] * (drawn_nuclei()[1] > self.rng.randrange(4))
        suspects = [{"label": 4, "rank": 1, "confidence": 0.2, "reasons": "odd"}]
        record = {"model": self.rng.choice(["v1", "v2"]), "nuclei": len(np.unique(labels)) - 1}
        record |= {
            "wrong": self.rng.random(),
            "unsure": 1,
            "suspects": self.rng.choice([[], suspects]),
        }
        record["features"] = [self.rng.random() for _ in range(5)]
        replace_prelabels(self.labels(), labels, record, None)

    def by_prelabel(self) -> None:
        """Another objects.csv, or another model in run.json."""
        table = "image,label,confidence,suspect,reasons,rank\n"
        for key in ("A/one", "two", "A/three"):
            for label in range(1, self.rng.randrange(1, 5)):
                table += f"{key}.tif,{label},0.5,{self.rng.randrange(2)},odd,{label}\n"
        place = self.folder / "prelabels"
        name = "objects.csv" if self.rng.random() < 0.5 else "run.json"
        run = json.dumps({"model": {"name": f"model-{self.number()}"}})
        (place / name).write_text(table if name == "objects.csv" else run)

    def by_hand(self) -> None:
        """A file comes, goes, or is written over."""
        key = self.key()
        mask = self.folder / "masks" / f"{key}{self.rng.choice(['', '_masks', '_cp_masks'])}.tif"
        path = self.rng.choice([mask, self.labels(), self.labels().with_suffix(".json")])
        if path.is_file() and self.rng.random() < 0.6:
            path.unlink()
        elif path.suffix == ".json":
            path.write_text("{" * self.rng.randrange(3))
        else:
            write_labels(path, drawn_nuclei()[1])

    def by_version(self) -> None:
        """Another model labels fields from now on."""
        versions.model_folder(self.folder, "v1").mkdir(parents=True, exist_ok=True)
        versions.choose(self.folder, self.rng.choice([versions.SHIPPED, "v1"]))

    def by_journal(self) -> None:
        """The work on a field that no page has open is put away by hand."""
        closed = [key for key in self.keys() if not self.pages[0].workspace._fields.known(key)]
        for key in closed[:1]:
            shutil.rmtree(self.folder / "annotation" / key, ignore_errors=True)

    def keys(self) -> list[str]:
        return sorted(self.pages[0].workspace.project.fields)

    def key(self) -> str:
        return self.rng.choice(self.keys())

    def labels(self) -> Path:
        return self.folder / "prelabels" / f"{self.key()}_labels.tif"

    def number(self) -> int:
        self.count += 1
        return self.count

    def do(self) -> str:
        """One of all; its name."""
        work = [self.by_page, self.by_page, self.by_loop, self.by_prelabel, self.by_hand]
        done = self.rng.choice([*work, self.by_version, self.by_journal])
        done()
        return done.__name__


@pytest.fixture
def pages(folder, monkeypatch) -> Iterator[list[Page]]:
    monkeypatch.setattr(listing, "REST", 0)
    (folder / "prelabels" / "A").mkdir(exist_ok=True)
    workspace = Workspace(open_project(folder))
    yield [Page(workspace, name) for name in ("anna", "ben")]
    workspace.close()


@pytest.mark.parametrize("seed", range(3))
def test_the_list_by_its_changes_is_the_whole_one(pages, seed):
    hands, done = Hands(pages, seed), []
    for _ in range(25):
        done.append(hands.do())
        page = hands.rng.choice(pages)  # the other one is told later
        page.poll()
        assert page.rows == whole(page.workspace), done


def test_what_pages_do_is_told_between_looks_too(pages):
    hands = Hands(pages, 9)
    rest(pages[0].workspace.listing)
    for _ in range(20):
        hands.by_page()
        page = hands.rng.choice(pages)
        page.poll()
        assert page.rows == whole(page.workspace)


def test_after_a_restart_polls_are_sent_the_whole_list(pages):
    page, folder = pages[0], pages[0].workspace.project.folder
    (folder / "prelabels" / "A" / "one_labels.tif").unlink()
    page.workspace.close()
    page.workspace = Workspace(open_project(folder))
    page.http = TestClient(make_app(page.workspace, Users(page.name)))
    page.rows["gone"] = {}
    page.poll()
    assert page.rows == whole(page.workspace)
    page.workspace.close()


def test_a_field_that_comes_by_a_page_is_told_to_the_others(pages, folder):
    image = (folder / "images" / "two.tif").read_bytes()
    answer = pages[0].http.post("/api/upload", params={"name": "new.tif"}, content=image)
    assert answer.status_code == 200
    pages[1].poll()
    assert pages[1].rows == whole(pages[1].workspace)
    assert "new" in pages[1].rows
