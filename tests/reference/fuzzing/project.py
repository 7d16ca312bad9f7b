"""Targets: the files of a project that is annotated, and what pages send to the server."""

from __future__ import annotations

import asyncio
import fcntl
import json
import warnings
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from reference.drawn import drawn_nuclei
from reference.fuzzing.places import made
from reference.fuzzing.target import Target

from nucseg_tf.annotation.editor.app import Users, make_app
from nucseg_tf.annotation.editor.history import has_open_edits
from nucseg_tf.annotation.editor.message import Message
from nucseg_tf.annotation.editor.names import plain_name
from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.annotation.editor.security import Gate
from nucseg_tf.annotation.editor.session import Session
from nucseg_tf.annotation.editor.store import Store
from nucseg_tf.annotation.editor.uploads import receive
from nucseg_tf.annotation.editor.workspace import Workspace
from nucseg_tf.annotation.loop import locks, versions
from nucseg_tf.annotation.loop.accepted import accepted_fields
from nucseg_tf.annotation.loop.status import status
from nucseg_tf.annotation.loop.table import as_text
from nucseg_tf.annotation.loop.versions import FieldUse, Version
from nucseg_tf.data.validate import _is_aside
from nucseg_tf.io.labels import write_labels
from nucseg_tf.io.locks import holder_now

SHAPE = (72, 96)
STATE = "annotation/A/one"
TOKEN, HOST = "token", "127.0.0.1:8765"
PAGE = "page-of-anna"


def begin(folder: Path) -> None:
    """A project: A/one, whose work has begun and been accepted, and two, with prelabels."""
    import tifffile

    image, labels = drawn_nuclei()
    for name in ("A/one", "two"):
        (folder / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(folder / "images" / f"{name}.tif", image, metadata=None)
    for name in ("A/one", "two"):
        (folder / "prelabels" / name).parent.mkdir(parents=True, exist_ok=True)
        write_labels(folder / "prelabels" / f"{name}_labels.tif", labels)
    session = Session(Store(open_project(folder).fields["A/one"], SHAPE))
    _edit(session, "edit-000001", 0, tool="delete", labels=[4])
    _edit(session, "edit-000002", 1, tool="draw", points=[[60.0, 80.0], [64.0, 84.0]], size=5)
    _edit(session, "edit-000003", 2, tool="region", boxes=[[0, 0, 40, 96]])
    _edit(session, "edit-000004", 3, tool="undo")
    session.accept("anna", None)
    session.leave("anna")
    session.close()
    (folder / "loop").mkdir(exist_ok=True)


def _edit(session: Session, name: str, revision: int, **more: Any) -> None:
    session.edit(Message(id=name, revision=revision, **more), "anna", 1.0)


def _begun(name: str) -> Callable[[], list[bytes]]:
    """A file of the project as it is."""

    def seeds() -> list[bytes]:
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            begin(Path(folder))
            return [(Path(folder) / name).read_bytes()]

    return seeds


# --- what lies on disk -----------------------------------------------------------------------


def _list(folder: Path) -> None:
    """The list of fields, as the page gets it, and a field of it."""
    project = open_project(folder)
    workspace = Workspace(project)
    try:
        workspace.listing.look()
        json.loads(workspace.listing.since().added_to({}))
        has_open_edits(folder / STATE)
        accepted_fields(project.fields.values())
        _is_aside(folder / "images" / "A" / "one.tif", folder)
    finally:
        workspace.close()


def _reopen(folder: Path) -> None:
    """A store from its journal; what it has must be what its journal says, told again."""
    field = open_project(folder).fields["A/one"]
    store = Store(field, SHAPE)
    try:
        assert store.labels.pixels.shape == SHAPE
        assert store.labels.pixels.min(initial=0) >= 0
        found = {int(label) for label in np.unique(store.labels.pixels)} - {0}
        assert found == set(store.labels.nuclei)
        assert store.labels.next_label > max(found, default=0)
        json.dumps(store.history.summary())
    finally:
        store.close()
    _list(folder)


def _status(folder: Path) -> None:
    content = status(folder)
    json.dumps(content)
    as_text(content)


def _holder(folder: Path) -> None:
    with (folder / "loop" / locks.TRAINING).open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        found = locks.holder(folder, locks.TRAINING)
    assert found is not None
    assert isinstance(found.process, int)


def _versions() -> list[bytes]:
    use = FieldUse("A/one", "train", 4, "0" * 64, ((0, 0, 9, 9),))
    score = {"f1": 0.9, "splits": 1, "merges": 0, "missed": 2, "spurious": 3, "fields": [[1, 2, 3]]}
    done = Version(
        *(
            "v1",
            "done",
            "nuclei",
            ("training.epochs=2",),
            (use, FieldUse("two", "left_out", 4, "")),
        ),
        *("2026-01-01T00:00:00+00:00", "2026-01-01T00:01:00+00:00", 60.0),
        {"v1": score, versions.SHIPPED: score},
        *(True, versions.SHIPPED, "better"),
        {"points": [{"name": "v1", "fields": 1, "nuclei": 4, "f1": 0.9}], "text": "One more."},
    )
    return [json.dumps(asdict(v)).encode() for v in (done, Version("v1", "training", "nuclei"))]


PROGRESS = {
    **{"stage": "training", "epoch": 1, "epochs": 4, "step": 5, "steps": 80, "loss": [0.5]},
    **{"val": [0.6], "seconds": 3.0, "eta_seconds": 100.0},
}


def _with_version(folder: Path) -> None:
    begin(folder)
    (folder / "loop" / "v1" / "run").mkdir(parents=True, exist_ok=True)
    (folder / "loop" / "v1" / "version.json").write_bytes(_versions()[1])


def _known() -> list[bytes]:
    suspect = {"label": 3, "rank": 1, "confidence": 0.3, "reasons": "at the edge"}
    digest = made("a.tif", lambda path: write_labels(path, drawn_nuclei()[1]))
    import hashlib

    name = hashlib.sha256(digest).hexdigest()
    record = {"model": "v1", "sha256": name, "nuclei": 4, "suspects": [suspect]}
    return [json.dumps(record | {"learn": 0.5, "why": "many suspects"}).encode()]


OBJECTS = b"""image,label,confidence,suspect,reasons,rank
two.tif,1,0.9,0,,4
two.tif,2,0.4,1,touches a neighbour,2
"""


# --- what pages send -------------------------------------------------------------------------


def _requests() -> list[bytes]:
    said = {"field": "two", "page": PAGE, "user": "anna", "seconds": 1.5}
    edit = {"id": "edit-000001", "revision": 0, "tool": "delete", "labels": [4]}
    draw = edit | {"tool": "draw", "points": [[60.0, 80.0], [64.0, 84.0]], "size": 5, "over": True}
    more = {
        "open": {"over": True},
        "review": {"label": 2},
        "accept": {"revision": 0},
        "reopen": {"revision": 0},
        "aside": {"revision": 0, "on": True},
        "planes": {"channel": "0", "z": "max", "t": None, "invert": False},
        "beat": {},
        "leave": {},
        "magic": {},
        "loop/choose": {"name": versions.SHIPPED},
        "loop/stop": {},
    }
    tools = {"polygon": [[1, 1], [9, 1], [9, 9]], "split": [[4, 4], [30, 30]], "erase": [[9, 9]]}
    edits = [edit, draw, *(draw | {"tool": tool, "points": way} for tool, way in tools.items())]
    edits += [edit | {"tool": tool, "labels": [1, 2]} for tool in ("merge", "fill", "grow")]
    edits += [edit | {"tool": "region", "boxes": [[0, 0, 9, 9]]}, edit | {"tool": "undo"}]
    posts = [("edit", {"edit": one}) for one in edits] + list(more.items())
    gets = [("project", {}), ("image", {"field": "two"}), ("history", {"field": "A/one"})]
    gets += [("labels", {"field": "two", "of": "before"}), ("thumbnail", {"field": "two"})]
    gets += [("planes", {"field": "two"}), ("loop", {"seen": "v1"}), ("upload", {"name": "a.png"})]
    asked = [{"post": path, "body": said | body} for path, body in posts]
    asked += [{"get": path, "query": query} for path, query in gets]
    return [json.dumps(one).encode() for one in asked]


def _serve(folder: Path) -> None:
    begin(folder)
    _CLIENTS[folder] = _client(Workspace(open_project(folder)))


def _client(workspace: Workspace) -> Any:
    with warnings.catch_warnings():  # starlette would rather have a newer httpx
        warnings.simplefilter("ignore")
        from starlette.testclient import TestClient
    app = Gate(make_app(workspace, Users("anna")), TOKEN, "127.0.0.1", 8765, 10**6)
    return TestClient(app, f"http://{HOST}", headers={"authorization": f"Bearer {TOKEN}"})


_CLIENTS: dict[Path, Any] = {}


def _ask(folder: Path) -> None:
    """What the server answers must be an answer, whatever was asked; it raises what is none."""
    client, data = _CLIENTS[folder], (folder / "request.json").read_bytes()
    try:
        asked = json.loads(data)
        path, query = str(asked.get("get", asked.get("post"))), asked.get("query") or {}
        params = {str(key): str(value) for key, value in query.items()}
        url = client.base_url.join(f"/api/{path}")
        "".join([*params, *params.values()]).encode()
    except (ValueError, AttributeError, RecursionError, TypeError, httpx.InvalidURL):
        answer = client.post("/api/edit", content=data)  # whatever it is
    else:
        if "loop/" in url.path and path not in ("loop/choose", "loop/stop"):
            return  # these begin processes
        if "get" in asked:
            answer = client.get(url, params=params)
        else:
            answer = client.post(url, content=json.dumps(asked.get("body")))
    assert answer.status_code < 500 or answer.status_code == 507, answer.text
    if answer.status_code >= 400 and answer.headers.get("content-type") == "application/json":
        assert isinstance(answer.json()["error"], str)


def _head(folder: Path) -> None:
    """A head of a request, as lines; whoever has not all of it right gets nothing."""
    lines = (folder / "head").read_bytes().split(b"\n")
    path, pairs = lines[0], [line.partition(b":") for line in lines[1:]]
    headers = [(key.strip().lower(), value.strip()) for key, _, value in pairs]
    answers: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        answers.append(200)

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answers.append(message["status"])

    async def never() -> Any:
        raise AssertionError("nothing of the body is read")

    gate = Gate(app, TOKEN, "127.0.0.1", 8765, 10**6)
    scope = {"type": "http", "method": "POST", "path": path.decode("latin-1"), "headers": headers}
    asyncio.run(gate(scope, never, send))
    let_in = answers == [200]
    token = (b"authorization", b"Bearer " + TOKEN.encode()) in headers
    assert len(answers) == 1
    assert answers[0] in (200, 401, 403, 413)
    assert token or not let_in or not path.startswith(b"/api/")


def _heads() -> list[bytes]:
    right = f"/api/edit\nhost: {HOST}\nauthorization: Bearer {TOKEN}\ncontent-length: 20"
    more = f"/api/upload\nhost: localhost:8765\norigin: http://{HOST}\nsec-fetch-site: same-origin"
    return [right.encode(), more.encode(), b"/\nhost: [::1]:8765"]


def _upload(folder: Path) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield (folder / "sent").read_bytes()

    target = folder / "taken" / "a.png"
    target.parent.mkdir(exist_ok=True)
    try:
        asyncio.run(receive(pieces(), target, 10**6))
        assert target.is_file()
    finally:
        target.unlink(missing_ok=True)
        assert not any(target.parent.iterdir())


def _pictures() -> list[bytes]:
    import cv2

    image = drawn_nuclei()[0]
    return [cv2.imencode(suffix, image)[1].tobytes() for suffix in (".png", ".jpg", ".bmp")]


def _name(folder: Path) -> None:
    name = (folder / "name").read_bytes().decode("utf-8", "surrogateescape")
    plain = plain_name(name)
    assert plain == Path(plain).name
    assert plain == plain_name(plain)
    assert not plain.startswith(".")
    plain.encode()


_json = partial(Target, kind="json")
TARGETS = (
    Target("edit-journal", f"{STATE}/journal.jsonl", _reopen, _begun(f"{STATE}/journal.jsonl"),
           "lines", begin),
    _json("edit-history", f"{STATE}/history.json", _list, _begun(f"{STATE}/history.json"),
          prepare=begin),
    _json("prelabels-sidecar", "prelabels/two_labels.json", _list, _known, prepare=begin),
    Target("prelabels-objects", "prelabels/objects.csv", _list, lambda: [OBJECTS], prepare=begin),
    _json("prelabels-record", "prelabels/run.json", _list,
          lambda: [b'{"model": {"name": "m"}}', b'{"method": "classical"}'], prepare=begin),
    _json("plane-choice", "annotation/project.json", _list,
          lambda: [b'{"channel": "DAPI", "z": "max", "t": "0", "invert": true}'], prepare=begin),
    _json("loop-version", "loop/v1/version.json", _status, _versions, prepare=begin),
    _json("loop-progress", "loop/v1/run/progress.json", _status,
          lambda: [json.dumps(PROGRESS).encode()], prepare=_with_version),
    _json("loop-predicting", "loop/predicting.json", _status,
          lambda: [b'{"model": "v1", "done": 1, "total": 3, "failed": []}'], prepare=begin),
    _json("loop-current", "loop/current.json", lambda f: versions.current(f),
          lambda: [b'{"model": "v1"}'], prepare=_with_version),
    _json("loop-lock", f"loop/{locks.TRAINING}", _holder,
          lambda: [json.dumps(asdict(holder_now(12))).encode()], prepare=begin),
    _json("page-request", "request.json", _ask, _requests, prepare=_serve),
    Target("page-head", "head", _head, _heads),
    Target("page-upload", "sent", _upload, _pictures, decoder=True),
    Target("page-name", "name", _name, lambda: [b"a b.tif", "é?.tif".encode(), b"con.png"]),
)  # fmt: skip
