"""Two people in one project at once, while trainings begin."""

import hashlib
import json
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tifffile
from reference.drawn import drawn_nuclei
from reference.small import SMALL

from nucseg_tf.annotation.editor.app import make_app
from nucseg_tf.annotation.editor.planes import PlaneChoice
from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.annotation.editor.users import Users
from nucseg_tf.annotation.editor.workspace import Workspace
from nucseg_tf.annotation.loop import parts, snapshot, versions
from nucseg_tf.annotation.loop.accepted import accepted_fields
from nucseg_tf.annotation.loop.recipe import recipe
from nucseg_tf.io.labels import read_labels

with warnings.catch_warnings():  # starlette would rather have a newer httpx
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

ROUNDS = 6


@pytest.fixture
def folder(tmp_path):
    """Fields a and b with prelabels."""
    image, labels = drawn_nuclei()
    for place in ("images", "prelabels"):
        (tmp_path / place).mkdir()
    for key in "ab":
        tifffile.imwrite(tmp_path / "images" / f"{key}.tif", image)
        tifffile.imwrite(tmp_path / "prelabels" / f"{key}_labels.tif", labels.astype(np.uint16))
    return tmp_path


class Person:
    """Edits and accepts a field, and tries to edit that of the other."""

    def __init__(self, app, name: str, own: str, other: str):
        self.client = TestClient(app, "http://127.0.0.1:8765")
        self.name, self.own, self.other = name, own, other
        self.made: list[str] = []
        self.refused = 0

    def post(self, path: str, field: str, **more):
        body = {"field": field, "page": f"page-of-{self.name}", "user": self.name, **more}
        return self.client.post(f"/api/{path}", json=body)

    def edit(self, field: str, number: int, revision: int):
        points = [[2.0 + 2 * number, 90.0 - number], [3.0 + 2 * number, 50.0 + 4 * number]]
        edit = {"id": f"{self.name}-{number:06d}", "revision": revision, "tool": "draw"}
        return self.post("edit", field, edit=edit | {"points": points, "size": 3})

    def work(self, begin: threading.Barrier) -> None:
        revision = self.post("open", self.own).json()["revision"]
        begin.wait()
        for number in range(ROUNDS):
            answer = self.edit(self.own, number, revision)
            assert answer.status_code == 200, answer.text
            revision = answer.json()["revision"]
            self.made.append(f"{self.name}-{number:06d}")
            opened = self.post("open", self.other).json()
            assert not opened["writable"]
            self.refused += self.edit(self.other, 500 + number, opened["revision"]).is_error
            seen = {"revision": revision}
            assert self.post("accept", self.own, **seen).status_code == 200
            if number < ROUNDS - 1:
                assert self.post("reopen", self.own, **seen).status_code == 200


def begin_version(folder, number: int) -> versions.Version:
    """As a training begins."""
    accepted = accepted_fields(open_project(folder).fields.values())
    assigned = parts.assign([one.field.key for one in accepted], [])
    config = recipe(f"v{number}", 1, SMALL)
    return snapshot.take(folder, accepted, assigned, PlaneChoice(), config, "random", SMALL)


def test_no_edit_is_lost_and_no_training_gets_half_of_one(folder):
    workspace = Workspace(open_project(folder))
    app = make_app(workspace, Users("root", ask=True, names=("anna", "ben")))
    people = [Person(app, "anna", "a", "b"), Person(app, "ben", "b", "a")]
    begin = threading.Barrier(2)
    snapshots = []
    with ThreadPoolExecutor(2) as pool:
        at_work = [pool.submit(person.work, begin) for person in people]
        while not all(one.done() for one in at_work):
            if len(accepted_fields(open_project(folder).fields.values())) == 2:
                snapshots.append(begin_version(folder, len(snapshots) + 1))
        for one in at_work:
            one.result()
    workspace.close()
    snapshots.append(begin_version(folder, len(snapshots) + 1))
    assert len(snapshots) > 2

    known = {}
    for person in people:
        lines = (folder / "annotation" / person.own / "journal.jsonl").read_text().splitlines()
        entries = [json.loads(line) for line in lines]
        assert [entry["id"] for entry in entries if entry["type"] == "edit"] == person.made
        assert {entry["user"] for entry in entries if entry["type"] == "edit"} == {person.name}
        assert person.refused == ROUNDS
        known[person.own] = {e["sha256"]: e["nuclei"] for e in entries if e["type"] == "accept"}
        assert len(known[person.own]) == ROUNDS
    for version in snapshots:
        for use in version.fields:
            copy = folder / "loop" / version.name / "masks" / f"{use.key}.tif"
            digest = hashlib.sha256(copy.read_bytes()).hexdigest()
            assert digest == use.sha256
            assert len(np.unique(read_labels(copy))) - 1 == known[use.key][digest]
    assert [use.sha256 for use in snapshots[-1].fields] == [list(known[key])[-1] for key in "ab"]
