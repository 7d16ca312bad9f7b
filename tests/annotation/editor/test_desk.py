"""The change from one folder to another, over HTTP."""

from __future__ import annotations

import itertools
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile

from nucseg_tf.__main__ import main
from nucseg_tf.annotation.editor.chooser import Chooser
from nucseg_tf.annotation.editor.desk import Desk
from nucseg_tf.annotation.editor.folder_lock import locked
from nucseg_tf.annotation.editor.planes import PlaneChoice
from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.annotation.editor.security import Gate
from nucseg_tf.annotation.editor.server import _chooser
from nucseg_tf.annotation.editor.users import Features, Users
from nucseg_tf.errors import UsageError
from nucseg_tf.io.labels import read_labels

with warnings.catch_warnings():  # starlette would rather have a newer httpx
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

PAGE, OTHER = "page-of-anna", "page-of-ben"
COUNTER = itertools.count()


@pytest.fixture
def root(folder, tmp_path_factory) -> Path:
    """Folders `one` and `two` with the same fields, and `bare`."""
    root = tmp_path_factory.mktemp("root")
    shutil.copytree(folder, root / "one")
    shutil.copytree(folder, root / "two")
    (root / "bare").mkdir()
    return root


@pytest.fixture
def desk(root):
    found = Desk(Users("root"), Features(chooser=True), Chooser([root]), PlaneChoice())
    yield found
    found.close()


@pytest.fixture
def client(desk):
    headers = {"authorization": "Bearer t"}
    gate = Gate(desk, "t", "127.0.0.1", 8765)
    return TestClient(gate, "http://127.0.0.1:8765", headers=headers, raise_server_exceptions=False)


def go(client, path: Path, **more):
    return client.post("/api/folder", json={"path": str(path), "page": PAGE, **more})


def post(client, path: str, project: str = "", page: str = PAGE, **more):
    body = {"field": "A/one", "page": page, **more}
    headers = {"x-project": project} if project else {}
    return client.post(f"/api/{path}", json=body, headers=headers)


def delete(client, revision: int = 0, **more):
    edit = {"id": f"edit-{next(COUNTER):06d}", "revision": revision, "tool": "delete"}
    return post(client, "edit", edit=edit | {"labels": [4]}, **more)


def test_a_server_without_a_folder_asks_for_one(client, root):
    project = client.get("/api/project").json()
    assert (project["id"], project["fields"], project["chooser"]) == ("", [], True)
    assert client.get("/").status_code == 200
    assert client.get("/app.js").status_code == 200
    assert client.get("/api/image").status_code == 404
    names = [row["name"] for row in client.get("/api/folders").json()["folders"]]
    assert names == ["bare", "one", "two"]
    answer = go(client, root / "one")
    assert answer.status_code == 200
    project = client.get("/api/project").json()
    assert (project["id"], project["name"]) == (answer.json()["id"], "one")
    assert len(project["fields"]) == 3


def test_the_work_of_before_is_put_away_and_unlocked(client, root):
    go(client, root / "one")
    assert delete(client).status_code == 200
    with (
        pytest.raises(UsageError, match="another `nucseg annotate`"),
        locked(open_project(root / "one")),
    ):
        pass
    assert go(client, root / "two").status_code == 200
    labels = read_labels(root / "one" / "annotation" / "A" / "one" / "labels.tif")
    assert 4 not in labels
    with locked(open_project(root / "one")):
        pass
    assert post(client, "open").json()["count"] == 4


def test_an_edit_does_not_reach_a_field_of_the_same_name(client, root):
    one = go(client, root / "one").json()["id"]
    two = go(client, root / "two").json()["id"]
    for answer in (
        delete(client, project=one),
        client.get("/api/image", params={"field": "A/one"}, headers={"x-project": one}),
        client.post("/api/upload", params={"name": "x.tif"}, headers={"x-project": one}),
    ):
        assert answer.status_code == 410
        assert "another folder was opened" in answer.json()["error"]
    assert not (root / "two" / "annotation" / "A").exists()
    assert delete(client, project=two).status_code == 200
    assert go(client, root / "one").json()["id"] == one


def test_what_waited_for_the_change_is_refused(client, desk, root):
    go(client, root / "one")
    before = desk.workspace
    go(client, root / "two")
    app = TestClient(desk, headers={"authorization": "Bearer t"})
    assert before is not desk.workspace
    with pytest.raises(Exception, match="another folder was opened"):
        before.labels("A/one")
    assert app.get("/api/project").json()["name"] == "two"


def test_the_same_folder_stays_open(client, desk, root):
    go(client, root / "one")
    before = desk.workspace
    assert go(client, root / "two" / ".." / "one").status_code == 200
    assert desk.workspace is before


@pytest.mark.parametrize("name", ["bare", "missing", "..", "one/images/two.tif"])
def test_a_folder_that_cannot_be_opened_changes_nothing(client, root, name):
    known = go(client, root / "one").json()["id"]
    answer = go(client, root / name)
    assert answer.status_code == 422
    assert client.get("/api/project").json()["id"] == known
    assert delete(client).status_code == 200


def test_a_folder_of_another_server_stays_closed(client, root):
    with locked(open_project(root / "two")):
        answer = go(client, root / "two")
    assert "another `nucseg annotate` works on this folder" in answer.json()["error"]
    assert client.get("/api/project").json()["id"] == ""


def test_others_at_work_are_not_turned_out_unasked(client, root):
    go(client, root / "one")
    post(client, "open", page=OTHER)
    answer = go(client, root / "two")
    assert answer.status_code == 422
    assert "root works on A/one of one" in answer.json()["error"]
    assert client.get("/api/project").json()["name"] == "one"
    assert go(client, root / "two", over=True).status_code == 200


def test_a_new_folder_takes_images(client, root):
    assert go(client, root, name="fresh").status_code == 200
    assert client.get("/api/project").json()["fields"] == []
    assert go(client, root, name="fresh").status_code == 422
    assert go(client, root, name="../fresh2").status_code == 422
    image = root / "image.tif"
    tifffile.imwrite(image, np.zeros((8, 8), np.uint8))
    answer = client.get("/api/upload", params={"name": "a.tif"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"path": 1, "page": PAGE},
        {"path": "x" * 5000, "page": PAGE},
        {"path": "", "page": "../"},
    ],
)
def test_bodies_that_make_no_sense_are_refused(client, body):
    assert client.post("/api/folder", json=body).status_code == 400


def test_folders_need_the_token(client):
    for answer in (
        client.get("/api/folders", headers={"authorization": "Bearer x"}),
        client.post("/api/folder", json={}, headers={"authorization": ""}),
    ):
        assert answer.status_code == 401
    large = client.post("/api/folder", content=(b" " * 10**6 for _ in range(3)))
    assert large.status_code == 413


def test_a_user_without_a_home(folder, monkeypatch):
    def nowhere():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nowhere)
    assert _chooser(folder, "127.0.0.1", None).roots == (folder.resolve(),)
    with pytest.raises(UsageError, match="no home here"):
        _chooser(None, "127.0.0.1", None)


def test_on_a_network_only_a_root_allows_to_choose(folder, tmp_path):
    assert _chooser(folder, "0.0.0.0", None).roots == ()
    assert _chooser(folder, "0.0.0.0", tmp_path).roots == (tmp_path.resolve(),)
    assert folder.resolve() in _chooser(folder, "127.0.0.1", None).roots
    assert Path.home().resolve() in _chooser(None, "127.0.0.1", None).roots
    with pytest.raises(UsageError, match="--root FOLDER"):
        _chooser(None, "0.0.0.0", None)


def test_wrong_usage(folder, capsys):
    assert main(["annotate", "--host", "0.0.0.0"]) == 2
    assert main(["annotate", str(folder), "--root", str(folder / "no")]) == 2
    assert main(["annotate", str(folder), "--max-upload", "-1"]) == 2
    assert main(["annotate", str(folder), "--z", "each"]) == 2
    text = " ".join(capsys.readouterr().err.split())
    assert "--root FOLDER" in text
    assert "no such folder" in text
    assert "expected 0 to 1000 GB" in text
    assert "expected one plane" in text
