"""Training from the page: routes, and what the server does by itself; processes are replaced."""

from __future__ import annotations

import json
import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nucseg_tf.annotation.editor import listing
from nucseg_tf.annotation.editor.app import make_app
from nucseg_tf.annotation.editor.loop import Loop
from nucseg_tf.annotation.editor.planes import PlaneChoice
from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.annotation.editor.security import Gate
from nucseg_tf.annotation.editor.users import Users
from nucseg_tf.annotation.editor.workspace import Workspace
from nucseg_tf.annotation.loop import locks, process, versions
from nucseg_tf.annotation.loop.versions import FieldUse, Version
from nucseg_tf.io.labels import read_labels, write_labels
from nucseg_tf.io.runs import from_runs

with warnings.catch_warnings():  # starlette would rather have a newer httpx
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

TOKEN, BASE, PAGE = "secret-token", "http://127.0.0.1:8765", "page-of-anna"
SHIPPED = versions.SHIPPED


@pytest.fixture
def calls(monkeypatch) -> list[tuple]:
    """What would have been started or stopped."""
    made: list[tuple] = []

    def note(name: str, answer: bool = True):
        def call(folder: Path, *arguments, **named) -> bool:
            made.append((name, *arguments, *named.items()))
            return answer

        monkeypatch.setattr(process, name, call)

    for name in ("start_training", "stop_training", "start_predicting", "stop_predicting"):
        note(name)
    return made


@pytest.fixture
def loop(folder, calls, monkeypatch):
    monkeypatch.setattr(listing, "REST", 0)
    workspace = Workspace(open_project(folder))
    yield Loop(workspace)
    workspace.close()


@pytest.fixture
def client(loop) -> TestClient:
    app = make_app(loop._workspace, Users("anna"), loop=loop)
    headers = {"authorization": f"Bearer {TOKEN}"}
    gate = Gate(app, TOKEN, "127.0.0.1", 8765)
    return TestClient(gate, BASE, headers=headers, raise_server_exceptions=False)


def post(client, path: str, field: str = "A/one", **more):
    return client.post(f"/api/loop/{path}", json={"field": field, "page": PAGE, **more})


def add_version(folder: Path, **changes) -> Version:
    """A version that is done, with a model folder."""
    uses = (FieldUse("A/three", "train", 4, "0" * 64),)
    version = replace(Version("v1", "done", "nuclei", fields=uses, taken=True), **changes)
    versions.home(folder, version.name).mkdir(parents=True)
    if version.state == "done":
        versions.model_folder(folder, version.name).mkdir()
    return versions.write(folder, version)


def write_told(folder: Path, **changes) -> None:
    (folder / "loop").mkdir(exist_ok=True)
    told = {"state": "done", "model": SHIPPED, "done": 2, "total": 2, "field": "", "error": ""}
    (folder / "loop" / "predicting.json").write_text(json.dumps(told | changes))


# --- routes ----------------------------------------------------------------------------------


def test_the_list_of_fields_comes_where_it_changed(client, folder):
    state = client.get("/api/loop").json()
    assert state["model"] == state["shipped"] == SHIPPED
    assert state["training"] is None
    assert [row["key"] for row in state["fields"]] == ["two", "A/one", "A/three"]
    assert state["whole"]
    again = client.get("/api/loop", params={"seen": state["seen"]}).json()
    assert "fields" not in again
    shutil.copy(folder / "masks/A/three_masks.tif", folder / "prelabels/two_labels.tif")
    write_told(folder)
    later = client.get("/api/loop", params={"seen": state["seen"]}).json()
    assert [row["key"] for row in later["fields"]] == ["two"]
    assert not later["whole"]
    assert client.get("/api/loop", params={"seen": "of-another-server"}).json()["whole"]


def test_the_list_of_a_page_that_begins_is_that_which_polls_go_on_from(client):
    project = client.get("/api/project").json()
    assert "fields" not in client.get("/api/loop", params={"seen": project["seen"]}).json()


def test_what_runs_is_the_same_for_every_page(client, folder):
    add_version(folder, state="training")
    run = versions.home(folder, "v1") / "run"
    run.mkdir()
    progress = {"stage": "training", "epoch": 2, "epochs": 8, "loss": [0.5], "val": [0.6]}
    (run / "progress.json").write_text(json.dumps(progress))
    with locks.hold(folder, locks.TRAINING):
        training = client.get("/api/loop").json()["training"]
        assert training["state"] == "training"
        assert (training["epoch"], training["loss"]) == (2, [0.5])
        assert client.get("/api/loop").json()["train"]["why"]
    assert client.get("/api/loop").json()["training"]["state"] == "interrupted"


@pytest.mark.parametrize(
    ("path", "more", "call"),
    [
        ("train", {}, ("start_training", "here", ("new", True))),
        ("resume", {}, ("start_training", "here")),
        ("stop", {}, ("stop_training",)),
        ("predict", {}, ("start_predicting", "A/one")),
        ("predict", {"field": ""}, ("start_predicting", None)),
        ("choose", {"name": SHIPPED}, ("start_predicting",)),
    ],
)
def test_each_button_does_one_thing(client, calls, path, more, call):
    assert post(client, path, **more).status_code == 200
    assert calls == [call]


def test_a_version_is_chosen(client, folder, calls):
    add_version(folder)
    assert post(client, "choose", name="v1").status_code == 200
    assert client.get("/api/loop").json()["model"] == "v1"
    for name in ("v2", "../v1", ""):
        answer = post(client, "choose", name=name)
        assert answer.status_code == 422
        assert "there is no model" in answer.json()["error"]
    assert calls == [("start_predicting",)]


@pytest.mark.parametrize("field", ["none", "--help", "A\x00one"])
def test_only_fields_of_the_project_are_labelled_first(client, calls, field):
    assert post(client, "predict", field).status_code == 404
    assert calls == []


def test_nothing_to_train_on_is_said(folder, monkeypatch):
    shutil.rmtree(folder / "masks")
    workspace = Workspace(open_project(folder))
    app = make_app(workspace, Users("anna"))
    headers = {"authorization": f"Bearer {TOKEN}"}
    client = TestClient(Gate(app, TOKEN, "127.0.0.1", 8765), BASE, headers=headers)
    answer = post(client, "train")
    assert answer.status_code == 422
    assert "no field is corrected yet" in answer.json()["error"]
    assert "no field is corrected yet" in client.get("/api/loop").json()["train"]["why"]


@pytest.mark.parametrize("path", ["train", "resume", "stop", "predict", "choose"])
def test_only_pages_with_the_token_train(client, calls, path):
    answer = post(client, path, name="v1", headers={})
    assert answer.status_code == 400  # no such part of a body
    body = {"field": "A/one", "page": PAGE}
    wrong = {"authorization": "Bearer wrong"}
    assert client.post(f"/api/loop/{path}", json=body, headers=wrong).status_code == 401
    foreign = {"origin": "http://evil.example"}
    assert client.post(f"/api/loop/{path}", json=body, headers=foreign).status_code == 403
    assert client.get("/api/loop", headers=wrong).status_code == 401
    assert calls == []


def test_labels_of_another_model(client, folder):
    labels = read_labels(folder / "prelabels" / "A" / "one_labels.tif")
    url, shape = "/api/labels?field=A/one&of=", labels.shape
    assert client.get(f"{url}before").status_code == 404
    write_labels(folder / "prelabels" / "A" / "one_before.tif", np.where(labels == 2, 0, labels))
    found = client.get(f"{url}before")
    assert found.status_code == 200
    assert 2 not in from_runs(np.frombuffer(found.content, "<u4"), shape)
    assert 2 in from_runs(np.frombuffer(client.get(f"{url}model").content, "<u4"), shape)
    assert client.get(f"{url}../two_labels").status_code == 404


# --- what the server does by itself ----------------------------------------------------------


def test_an_interrupted_training_goes_on_once(loop, folder, calls):
    add_version(folder, state="training")
    with locks.hold(folder, locks.TRAINING):
        loop.tend()
        assert calls == []
    for _ in range(2):
        loop.tend()
    assert calls == [("start_training", "here")]


def test_a_training_that_a_user_stopped_waits(loop, folder, calls):
    add_version(folder, state="stopped")
    loop.tend()
    assert calls == []


def test_a_training_that_ended_with_the_server_goes_on_with_the_next(folder, calls):
    add_version(folder, state="training")
    workspace = Workspace(open_project(folder))
    first = Loop(workspace)
    first.begin()
    with locks.hold(folder, locks.TRAINING):
        first.end()
    assert ("stop_training",) in calls
    assert ("stop_predicting",) in calls
    versions.write(folder, replace(versions.read(folder, "v1"), state="stopped"))
    calls.clear()
    second = Loop(workspace)
    second.tend()
    assert calls == [("start_training", "here")]
    calls.clear()
    Loop(workspace).tend()  # it was told of once: a user has stopped it since
    assert calls == []


def test_a_cluster_trains_on_without_the_server(folder, calls):
    add_version(folder, state="training")
    loop = Loop(Workspace(open_project(folder)), "slurm")
    with locks.hold(folder, locks.SUBMITTED):
        loop.tend()
        loop.begin()
        loop.end()
    assert ("stop_training",) not in calls
    loop.tend()
    assert calls[-1] == ("start_training", "slurm")


def test_a_folder_without_labels_is_labelled(folder, calls):
    shutil.rmtree(folder / "masks")
    loop = Loop(Workspace(open_project(folder)))
    loop.tend()
    assert calls == []  # one of the fields has prelabels
    shutil.rmtree(folder / "prelabels")
    loop = Loop(Workspace(open_project(folder)))
    for _ in range(2):
        loop.tend()
    assert calls == [("start_predicting", "two")]


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ({}, False),
        ({"state": "running"}, True),  # and killed
        ({"state": "stopped"}, True),
        ({"state": "failed"}, False),
        ({"model": "v1"}, True),
    ],
)
def test_labels_that_are_not_done_are_gone_on_with(loop, folder, calls, told, wanted):
    write_told(folder, **told)
    with locks.hold(folder, locks.PREDICTING):
        loop.tend()
        assert calls == []
    loop.tend()
    assert calls == ([("start_predicting", "two")] if wanted else [])


def test_a_model_that_was_taken_over_without_a_server_labels(loop, folder, calls):
    add_version(folder)
    versions.choose(folder, "v1")
    loop.tend()
    assert calls == [("start_predicting", "two")]


def test_images_that_come_are_labelled_once(folder, monkeypatch):
    workspace = Workspace(open_project(folder))
    started, busy = [], [True]
    monkeypatch.setattr(process, "start_predicting", lambda _, again: started.append(again))
    monkeypatch.setattr(locks, "holder", lambda folder, name: busy[0])
    loop = Loop(workspace)
    loop.label_more()
    loop.tend()
    assert started == [], "what runs is not disturbed"
    busy[0] = False
    loop.tend()
    loop.label_more()
    loop.label_more(again=True)
    loop.tend()
    loop.tend()
    assert started == [False, True]
    workspace.close()


def test_labels_of_another_plane_than_is_shown_are_made_anew(folder, calls):
    write_told(folder, planes={})
    workspace = Workspace(open_project(folder))
    Loop(workspace).tend()
    assert calls == []
    workspace.close()
    workspace = Workspace(open_project(folder), PlaneChoice(invert=True))
    Loop(workspace).tend()
    assert [name for name, *_ in calls] == ["start_predicting"]
    workspace.close()


def test_an_empty_folder_is_not_labelled(tmp_path, monkeypatch):
    (tmp_path / "images").mkdir()
    workspace = Workspace(open_project(tmp_path))
    monkeypatch.setattr(process, "start_predicting", lambda *args: pytest.fail("no fields"))
    Loop(workspace).tend()
    workspace.close()
