"""The server over HTTP: attacks, two editors, locks, kill -9, signals."""

from __future__ import annotations

import errno
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import warnings
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
from reference.bright import Bright

from nucseg_tf.__main__ import main
from nucseg_tf.annotation.editor.app import make_app
from nucseg_tf.annotation.editor.locks import IDLE, LEASE, Locks
from nucseg_tf.annotation.editor.pictures import read_picture
from nucseg_tf.annotation.editor.planes import PlaneChoice
from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.annotation.editor.security import MAX_BODY, Gate, is_loopback
from nucseg_tf.annotation.editor.server import PORT, listen
from nucseg_tf.annotation.editor.users import Users
from nucseg_tf.annotation.editor.workspace import Workspace
from nucseg_tf.annotation.magic.keeper import Keeper
from nucseg_tf.errors import UsageError
from nucseg_tf.io.labels import read_labels, write_labels
from nucseg_tf.io.runs import from_runs

with warnings.catch_warnings():  # starlette would rather have a newer httpx
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

ROOT = Path(__file__).parents[3]
TOKEN = "secret-token"
BASE = "http://127.0.0.1:8765"
PAGE, OTHER = "page-of-anna", "page-of-ben"
COUNTER = itertools.count()


class Clock:
    """Seconds that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def workspace(project, clock):
    found = Workspace(project, locks=Locks(clock=clock))
    yield found
    found.close()


@pytest.fixture
def client(workspace):
    """A page of a server that asks for names."""
    app = make_app(workspace, Users("root", ask=True, names=("anna", "ben")))
    return client_of(Gate(app, TOKEN, "127.0.0.1", 8765))


def client_of(app, **headers: str) -> TestClient:
    headers = {"authorization": f"Bearer {TOKEN}"} | headers
    return TestClient(app, BASE, headers=headers, raise_server_exceptions=False)


def post(client, path: str, *, page: str = PAGE, user: str = "anna", field: str = "A/one", **more):
    body = {"field": field, "page": page, "user": user, **more}
    return client.post(f"/api/{path}", json=body)


def edit(client, revision: int, *, page: str = PAGE, user: str = "anna", **message):
    message = {"tool": "delete", "labels": [4]} | message
    message |= {"id": f"edit-{next(COUNTER):06d}", "revision": revision}
    return post(client, "edit", page=page, user=user, edit=message)


def refused(answer, code: int, text: str) -> None:
    assert answer.status_code == code, answer.text
    assert text in answer.json()["error"]


# --- what the page gets ----------------------------------------------------------------------


def test_the_list_and_a_field(client):
    project = client.get("/api/project").json()
    assert [(f["key"], f["count"], f["suspects_left"]) for f in project["fields"]] == [
        ("two", 1, 0),
        ("A/one", 4, 2),
        ("A/three", None, 0),
    ]
    assert project["users"] == ["anna", "ben"]
    opened = post(client, "open").json()
    assert opened["image"]["shape"] == [72, 96]
    assert opened["image"]["bits"] == 16
    assert opened["image"]["pixel_size"] == pytest.approx(0.5)
    assert opened["writable"]
    assert [s["label"] for s in opened["suspects"]] == [3, 2]


def test_image_and_labels_are_those_on_disk(client, folder):
    image = client.get("/api/image", params={"field": "A/one"})
    found = read_picture(folder / "images" / "A" / "one.tif")
    assert image.content == found.content
    labels = client.get("/api/labels", params={"field": "A/one"})
    assert labels.headers["x-revision"] == "0"
    runs = np.frombuffer(labels.content, "<u4")
    expected = read_labels(folder / "prelabels" / "A" / "one_labels.tif")
    assert np.array_equal(from_runs(runs, (72, 96)), expected)


def test_labels_of_the_model_before(client, folder):
    asked = {"field": "A/one", "of": "before"}
    refused(client.get("/api/labels", params=asked), 404, "no labels of the model before")
    before = np.eye(72, 96, dtype=np.int32)
    write_labels(folder / "prelabels" / "A" / "one_before.tif", before)
    runs = np.frombuffer(client.get("/api/labels", params=asked).content, "<u4")
    assert np.array_equal(from_runs(runs, (72, 96)), before)
    refused(client.get("/api/labels", params=asked | {"of": "../one"}), 404, "expected before")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32])
def test_every_kind_of_image_can_be_shown(add_image, tmp_path, dtype):
    pixels = np.arange(20).reshape(4, 5).astype(dtype) - dtype(0)
    if dtype == np.float32:
        pixels[0, 0] = np.nan
    add_image(tmp_path / "a.tif", pixels)
    picture = read_picture(tmp_path / "a.tif")
    shown = np.frombuffer(picture.content, f"<u{picture.bits // 8}").reshape(picture.shape)
    values = picture.offset + picture.step * shown
    assert np.allclose(values.ravel()[1:], np.arange(1, 20), atol=1e-3)


def test_dark_and_bright_are_exchanged_on_request(add_image, tmp_path):
    pixels = np.arange(20).reshape(4, 5).astype(np.uint8)
    add_image(tmp_path / "a.tif", pixels)
    picture = read_picture(tmp_path / "a.tif", PlaneChoice(invert=True))
    shown = np.frombuffer(picture.content, np.uint8)
    assert np.array_equal(shown.reshape(4, 5), 255 - pixels)


def test_the_page_loads_nothing_from_elsewhere(client):
    page = client.get("/")
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'")
    files = re.findall(r'(?:src|href)="(/[^"]+)"', page.text)
    assert "/app.js" in files
    texts = [page.text, *(client.get(file).text for file in files)]
    for module in (ROOT / "nucseg_tf" / "annotation" / "static").glob("*.js"):
        answer = client.get(f"/{module.name}")
        assert answer.headers["content-type"].startswith("text/javascript")
        texts.append(answer.text)
    outside = re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", " ".join(texts))
    assert set(outside) <= {"http://www.w3.org"}  # the name of a namespace, in the icon


# --- attacks ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "field",
    [
        *("../../etc/passwd", "A/../../secret", "/etc/passwd", "A/one/../../two", "..", "."),
        *("A\\..\\one", "A/one.tif", "A%2Fone", "a/one", "", "A/one\x00", "x" * 900),
    ],
)
def test_only_known_fields_are_opened(client, field, folder):
    before = sorted(folder.rglob("*"))
    for path in ("image", "labels", "history"):
        answer = client.get(f"/api/{path}", params={"field": field})
        refused(answer, 404, "no such field")
    for path in ("open", "beat", "leave"):
        refused(post(client, path, field=field), 404, "no such field")
    for path in ("accept", "reopen"):
        refused(post(client, path, field=field, revision=0), 404, "no such field")
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    "path",
    [
        *("/../app.py", "/..%2fapp.py", "/%2e%2e/app.py", "/static/../../app.py", "/app.py"),
        *("//etc/passwd", "/..\\app.py", "/index.html/../../app.py"),
    ],
)
def test_only_known_files_are_served(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert "def " not in answer.text


@pytest.mark.parametrize(
    "given", ["", "Bearer ", "Bearer wrong", f"Bearer {TOKEN}x", TOKEN, "Bearer é"]
)
def test_a_wrong_token_is_refused(workspace, given):
    gate = Gate(make_app(workspace, Users("root")), TOKEN, "127.0.0.1", 8765)
    client = client_of(gate, authorization=given.encode())  # type: ignore[arg-type]
    for path in ("project", "image?field=A/one", "nothing"):
        refused(client.get(f"/api/{path}"), 401, "token is missing or wrong")
    refused(post(client, "open"), 401, "token is missing or wrong")
    assert TOKEN not in client.get("/api/project").text


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "https://127.0.0.1:8765"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_other_sites_are_refused(client, headers):
    answer = client.get("/api/project", headers=headers)
    refused(answer, 403, "other sites are refused")
    assert "access-control-allow-origin" not in answer.headers
    own = {"origin": BASE, "sec-fetch-site": "same-origin"}
    assert client.get("/api/project", headers=own).status_code == 200


def test_a_preflight_of_another_site_is_refused(client):
    headers = {"origin": "http://evil.example", "access-control-request-method": "POST"}
    answer = client.options("/api/edit", headers=headers)
    assert answer.status_code == 403
    assert not any(name.startswith("access-control") for name in answer.headers)


@pytest.mark.parametrize(
    "host", ["evil.example:8765", "127.0.0.1", "127.0.0.1:80", "[", "", "a:b:c"]
)
def test_a_name_that_was_pointed_here_is_refused(client, host):
    refused(client.get("/", headers={"host": host}), 403, "not known by that name")


@pytest.mark.parametrize(
    ("listens", "host", "known"),
    [
        ("127.0.0.1", "localhost:8765", True),
        ("127.0.0.1", "10.0.0.5:8765", False),
        ("0.0.0.0", "10.0.0.5:8765", True),
        ("0.0.0.0", "[::1]:8765", True),
        ("0.0.0.0", f"{socket.gethostname()}:8765", True),
        ("0.0.0.0", "evil.example:8765", False),
        ("10.0.0.5", "10.0.0.5:8765", True),
        ("10.0.0.5", "10.0.0.6:8765", False),
    ],
)
def test_which_names_are_known(workspace, listens, host, known):
    gate = Gate(make_app(workspace, Users("root")), TOKEN, listens, 8765)
    code = client_of(gate).get("/", headers={"host": host}).status_code
    assert (code == 200) is known
    assert is_loopback(listens) is (listens == "127.0.0.1")


def test_an_oversized_patch_is_refused(client):
    post(client, "open")
    points = [[1.5, 1.5]] * 20_001
    refused(edit(client, 0, tool="draw", points=points), 400, "edit.points")
    refused(edit(client, 0, tool="draw", points=[[1, 1]], size=10_000), 400, "edit.size")
    body = b" " * (MAX_BODY + 1)
    refused(client.post("/api/edit", content=body), 413, "bytes at most")
    answer = client.post(
        "/api/edit", content=b"", headers={"content-length": "\u00b2".encode("latin-1")}
    )
    refused(answer, 413, "bytes at most")
    chunks = (b" " * 100_000 for _ in range(50))  # without a length
    refused(client.post("/api/edit", content=chunks), 413, "bytes at most")
    assert client.get("/api/labels", params={"field": "A/one"}).headers["x-revision"] == "0"


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"field": 1}', b"\xff\xfe", b'{"field":"A/one","page":"../../../x"}'],
)
def test_bodies_that_make_no_sense_are_refused(client, body):
    assert client.post("/api/edit", content=body).status_code == 400


@pytest.mark.parametrize("user", ["", "  ", "mallory", "anna\n"])
def test_only_known_users_edit(client, user):
    assert post(client, "open", user=user).status_code in (400, 422)


def test_a_single_user_cannot_be_somebody_else(workspace, folder):
    client = client_of(Gate(make_app(workspace, Users("root")), TOKEN, "127.0.0.1", 8765))
    edit(client, 0, user="mallory")
    assert (
        client.get("/api/history", params={"field": "A/one"}).json()["users"][0]["name"] == "root"
    )


# --- two editors -----------------------------------------------------------------------------


def test_a_field_has_one_editor(client, clock):
    assert post(client, "open").json()["writable"]
    second = post(client, "open", page=OTHER, user="ben").json()
    assert (second["writable"], second["user"]) == (False, "anna")
    for path in ("accept", "reopen"):
        answer = post(client, path, page=OTHER, user="ben", revision=0)
        refused(answer, 423, "anna edits this field")
    refused(edit(client, 0, page=OTHER, user="ben"), 423, "anna edits this field")
    assert edit(client, 0).status_code == 200
    # ben takes nothing over, and cannot end anna's lock
    assert not post(client, "open", page=OTHER, user="ben", over=True).json()["writable"]
    post(client, "leave", page=OTHER, user="ben")
    beat = post(client, "beat", page=OTHER, user="ben").json()
    assert beat == {"writable": False, "user": "anna", "idle": None, "revision": 1}
    post(client, "leave")
    assert post(client, "beat", page=OTHER, user="ben").json()["writable"]
    refused(edit(client, 0, page=OTHER, user="ben", labels=[3]), 409, "loaded anew")
    assert edit(client, 1, page=OTHER, user="ben", labels=[3]).status_code == 200


def test_only_labels_that_the_page_shows_are_accepted(client, folder):
    post(client, "open")
    edit(client, 0)
    refused(post(client, "accept", revision=0), 409, "look again")
    assert not (folder / "masks" / "A" / "one.tif").exists()
    assert post(client, "accept", revision=1).json()["status"] == "accepted"
    refused(post(client, "reopen", revision=0), 409, "look again")
    assert post(client, "reopen", revision=1).json()["status"] == "reopened"


def test_names_that_no_page_could_send_are_refused_at_once(folder, capsys):
    assert main(["annotate", str(folder), "--users", f"anna,{'b' * 41}"]) == 2
    assert "expected up to 40 letters a name" in " ".join(capsys.readouterr().err.split())


def test_seconds_of_a_long_time_are_no_reason_to_refuse(client):
    post(client, "open")
    assert post(client, "beat", seconds=90_000).status_code == 200
    assert post(client, "beat", seconds=-1).status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.0.0.1:80", "[::1]:80"])
def test_a_host_without_a_port_means_port_80(workspace, host):
    gate = Gate(make_app(workspace, Users("root")), TOKEN, "127.0.0.1", 80)
    assert client_of(gate, host=host).get("/").status_code == 200
    gate = Gate(make_app(workspace, Users("root")), TOKEN, "127.0.0.1", 8765)
    assert client_of(gate, host=host).get("/").status_code == 403


def test_one_odd_journal_does_not_end_the_list(client, folder, project):
    for text in ('{"no":"type"}', "[1]", '{"type":"begin"}', '{"type":"undo"}'):
        state = project.fields["two"].state
        state.mkdir(parents=True, exist_ok=True)
        write_labels(state / "base.tif", np.zeros((72, 96), np.int32))
        (state / "journal.jsonl").write_text(f"{text}\n{text}\n")
        rows = {row["key"]: row for row in client.get("/api/project").json()["fields"]}
        assert rows["two"]["status"] == "error", text
        assert "journal.jsonl: line 1" in rows["two"]["error"]
        assert rows["A/one"]["status"] == "new"
        (state / "journal.jsonl").unlink()


def test_a_lock_ends_without_a_sign_of_life(client, clock):
    post(client, "open")
    clock.now += LEASE - 1
    post(client, "beat")
    clock.now += LEASE - 1
    assert not post(client, "open", page=OTHER, user="ben").json()["writable"]
    clock.now += 2
    assert post(client, "open", page=OTHER, user="ben").json()["writable"]
    refused(edit(client, 0), 423, "ben edits this field")


def test_one_user_moves_from_window_to_window(client):
    post(client, "open")
    assert not post(client, "open", page=OTHER).json()["writable"]
    assert post(client, "open", page=OTHER, over=True).json()["writable"]
    refused(edit(client, 0), 423, "another window")


def test_a_field_that_nobody_works_on_is_taken_over(client, clock):
    post(client, "open")
    for _ in range(10):  # the page is open, and nobody there
        clock.now += IDLE / 10
        assert post(client, "beat").json()["writable"]
    clock.now -= 1
    waiting = post(client, "open", page=OTHER, user="ben", over=True).json()
    assert (waiting["writable"], waiting["user"], waiting["idle"]) == (False, "anna", None)
    clock.now += 1
    assert post(client, "beat", page=OTHER, user="ben").json()["idle"] == IDLE
    refused(edit(client, 0, page=OTHER, user="ben"), 423, "anna edits this field")
    assert post(client, "open", page=OTHER, user="ben", over=True).json()["writable"]
    assert edit(client, 0, page=OTHER, user="ben").json()["revision"] == 1
    assert post(client, "beat").json() == {
        "writable": False,
        "user": "ben",
        "idle": None,
        "revision": 1,
    }
    refused(edit(client, 1), 423, "ben edits this field")


@pytest.mark.parametrize("work", ["beat", "edit"])
def test_who_works_keeps_the_field(client, clock, work):
    post(client, "open")
    for revision in range(10):
        clock.now += LEASE / 2
        if work == "beat":
            post(client, "beat", seconds=3)
        else:
            edit(client, revision, tool="grow", labels=[2]).json()
    assert clock.now > IDLE
    assert not post(client, "open", page=OTHER, user="ben", over=True).json()["writable"]


def test_a_click_is_answered_once_the_model_is_loaded(client, workspace):
    workspace.magic.close()
    workspace.magic = Keeper(workspace.project.folder, lambda name: Bright())
    click = {"tool": "magic", "labels": [], "points": [[20.5, 16.5]]}
    refused(edit(client, 0, **click | {"points": [[20.5, 96.5]]}), 422, "outside the field")
    while post(client, "magic").json()["state"] == "loading":
        time.sleep(0.01)
    refused(edit(client, 0, **click), 422, "is what is seen")
    small = edit(client, 0, tool="shrink", labels=[1]).json()["nuclei"]["1"][0]
    answer = edit(client, 1, **click).json()
    assert (answer["revision"], answer["select"]) == (2, [1])
    assert answer["nuclei"]["1"][0] > small, "the nucleus clicked is outlined anew"
    assert edit(client, 2, tool="undo", labels=[]).json()["nuclei"]["1"][0] == small
    refused(post(client, "magic", field="../A"), 404, "no such field")


def test_two_fields_are_edited_at_a_time(client):
    assert post(client, "open").json()["writable"]
    assert post(client, "open", page=OTHER, user="ben", field="two").json()["writable"]


# --- saving ----------------------------------------------------------------------------------


def test_a_full_disk_is_told_and_changes_nothing(client, monkeypatch):
    post(client, "open")

    def full(file, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        refused(edit(client, 0), 507, "No space left on device")
    assert post(client, "open").json()["count"] == 4
    assert edit(client, 0).status_code == 200


def rows_of(workspace: Workspace) -> list[dict]:
    """The list of fields."""
    workspace.listing.look()
    return [json.loads(row) for row in workspace.listing.since().rows]


def test_many_open_fields_are_put_away(add_image, tmp_path):
    for number in range(12):
        add_image(tmp_path / f"f{number}.tif", np.zeros((9, 9), np.uint8))
    workspace = Workspace(open_project(tmp_path))
    client = client_of(Gate(make_app(workspace, Users("root")), TOKEN, "127.0.0.1", 8765))
    for number in range(12):
        post(client, "open", field=f"f{number}")
        points = [[4.5, 4.5]]
        message = {"id": f"edit-{number:06d}", "revision": 0, "tool": "draw", "points": points}
        assert post(client, "edit", field=f"f{number}", edit=message).status_code == 200
        post(client, "leave", field=f"f{number}")
    assert len(workspace._fields._sessions) <= 5
    rows = client.get("/api/project").json()["fields"]
    assert [row["count"] for row in rows] == [1] * 12
    workspace.close()
    rows = rows_of(Workspace(open_project(tmp_path)))
    assert [(row["count"], row["status"]) for row in rows] == [(1, "begun")] * 12


def test_the_list_is_right_without_history_files(client, workspace, folder, project):
    edit(client, 0)
    (folder / "annotation" / "A" / "one" / "history.json").unlink(missing_ok=True)
    rows = rows_of(Workspace(project))
    assert [(row["key"], row["count"]) for row in rows][1] == ("A/one", 3)


def test_seconds_are_not_more_than_have_passed(client):
    post(client, "open")
    post(
        client,
        "edit",
        seconds=3000,
        edit={"id": "x" * 8, "revision": 0, "tool": "delete", "labels": [4]},
    )
    users = client.get("/api/history", params={"field": "A/one"}).json()["users"]
    assert users[0]["seconds"] < 5


# --- the program -----------------------------------------------------------------------------


@contextmanager
def running(folder: Path, *options: str):
    """`nucseg annotate` in a process of its own, and a client with its token."""
    command = [sys.executable, "-m", "nucseg_tf", "annotate", str(folder), *options]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        # Shells let their background jobs ignore Ctrl-C, and their children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        address = process.stdout.readline().strip()
        base, _, token = address.partition("/#token=")
        headers = {"authorization": f"Bearer {token}"}
        with httpx.Client(base_url=base, headers=headers, trust_env=False) as client:
            yield process, client, address
    finally:
        process.kill()
        process.communicate()


def test_edits_survive_kill_9(folder):
    with running(folder, "--port", "0") as (process, client, address):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/#token=[\w-]{43}", address)
        assert edit(client, 0).json()["revision"] == 1
        process.send_signal(signal.SIGKILL)
        process.wait()
    with running(folder, "--port", "0") as (_, client, _):
        opened = post(client, "open").json()
        assert (opened["revision"], opened["count"], opened["undo"]) == (1, 3, 1)
        message = {"id": "undo-000", "revision": 1, "tool": "undo"}
        assert post(client, "edit", edit=message).json()["count"] == 4


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_it_cleanly(folder, number, code):
    with running(folder, "--port", "0") as (process, client, _):
        edit(client, 0)
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert process.returncode == code
    assert out == ""
    assert "Traceback" not in err
    assert "token" not in err
    assert 4 not in read_labels(folder / "annotation" / "A" / "one" / "labels.tif")


def test_a_network_address_comes_with_a_warning_and_names(folder):
    with running(folder, "--port", "0", "--host", "0.0.0.0") as (process, client, address):
        port = re.search(r":(\d+)/", address)[1]
        headers = {"host": f"127.0.0.1:{port}"}
        answer = client.get(f"http://127.0.0.1:{port}/api/project", headers=headers)
        assert answer.json()["ask_user"]
        process.terminate()
        _, err = process.communicate(timeout=20)
    assert "not encrypted" in err


def test_a_port_that_is_taken(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=rf"Choose another --port.*Received: port {port}"):
            listen("127.0.0.1", port)
    with listen("127.0.0.1", None) as first, listen("127.0.0.1", None) as second:
        ports = [first.getsockname()[1], second.getsockname()[1]]
        assert PORT <= ports[0] < ports[1]
    with pytest.raises(UsageError, match="cannot listen on 203"):
        listen("203.0.113.1", None)
    with pytest.raises(UsageError, match="Received: port 70000"):
        listen("127.0.0.1", 70000)


def test_wrong_usage(folder, capsys):
    assert main(["annotate", str(folder / "missing")]) == 2
    assert main(["annotate", str(folder), "--port", "eighty"]) == 2
    assert main(["annotate", str(folder), "--port", "-1"]) == 2
    assert "no such folder" in capsys.readouterr().err


def test_without_memory_a_request_is_refused_and_the_server_lives(client, monkeypatch):
    from nucseg_tf.annotation.editor.images import Images

    def exhausted(*_):
        raise MemoryError("Unable to allocate 30.1 GiB for an array")

    with monkeypatch.context() as patch:
        patch.setattr(Images, "picture", exhausted)
        answer = client.get("/api/image", params={"field": "two"})
    assert answer.status_code == 507
    assert "Unable to allocate 30.1 GiB" in answer.json()["error"]
    assert client.get("/api/image", params={"field": "two"}).status_code == 200
