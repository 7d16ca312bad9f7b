"""Requests to the annotation page's server."""

from __future__ import annotations

import contextlib
import json
import shutil
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reference.bad_input import masks
from reference.bad_input.case import contents

from nucseg_tf.annotation.editor.app import Features, Users, make_app
from nucseg_tf.annotation.editor.chooser import Chooser
from nucseg_tf.annotation.editor.desk import OWN, Desk
from nucseg_tf.annotation.editor.planes import PlaneChoice
from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.annotation.editor.security import MAX_BODY, Gate
from nucseg_tf.annotation.editor.workspace import Workspace

with warnings.catch_warnings():  # starlette would rather have a newer httpx
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

TOKEN, BASE = "secret-token", "http://127.0.0.1:8765"
BODY = {"field": "a", "page": "page-of-anna", "user": "anna"}
EDIT = {"id": "edit-0001", "revision": 0, "tool": "delete", "labels": [1]}


@dataclass(frozen=True)
class Ask:
    """A request that is to be refused.

    Attributes:
        what: is sent, for the page.
        path: below the server.
        status: of the answer.
        says: what is in its error.
        body: JSON, or bytes as they are.
        method: of HTTP.
        headers: besides the usual ones, or in their place.
    """

    what: str
    path: str
    status: int
    says: tuple[str, ...] = ()
    body: Any = None
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.what


@contextlib.contextmanager
def server(folder: Path) -> Iterator[dict[bool, TestClient]]:
    """A server of a project in a folder: what answers of the choice of folders, and of the rest."""
    masks.field(folder / "project", "a")
    shutil.copytree(folder / "project" / "masks", folder / "project" / "prelabels")
    (folder / "secret").mkdir()
    workspace = Workspace(open_project(folder / "project"))
    users = Users("root", ask=True, names=("anna",))
    desk = Desk(users, Features(chooser=True), Chooser([folder / "project"]), PlaneChoice())
    apps = {True: desk, False: make_app(workspace, users, None, Features(upload=5000))}
    usual = {"authorization": f"Bearer {TOKEN}"}
    try:
        yield {
            own: TestClient(
                Gate(app, TOKEN, "127.0.0.1", 8765, 5000),
                BASE,
                headers=usual,
                raise_server_exceptions=False,
            )
            for own, app in apps.items()
        }
    finally:
        workspace.close()
        desk.close()


def check(case: Ask, clients: Mapping[bool, TestClient], folder: Path) -> None:
    """Send a request; AssertionError where the answer is not right, or a file is another."""
    before = contents(folder)
    body = case.body if isinstance(case.body, bytes) else json.dumps(case.body).encode()
    client = clients[case.path.partition("?")[0] in OWN]
    answer = client.request(case.method, case.path, content=body, headers=dict(case.headers))
    assert answer.status_code == case.status, f"{answer.status_code}: {answer.text}"
    for words in case.says:
        assert words in answer.text, f"not said: {words}\n{answer.text}"
    assert "Traceback" not in answer.text
    assert contents(folder) == before


def edit(what: str, status: int, says: tuple[str, ...], **changes: Any) -> Ask:
    """An edit that cannot be made."""
    return Ask(what, "/api/edit", status, says, BODY | {"edit": EDIT | changes})


DOOR = (
    Ask(
        "no token",
        "/api/project",
        401,
        ("token is missing or wrong: open the address",),
        method="GET",
        headers={"authorization": ""},
    ),
    Ask(
        "a wrong token",
        "/api/project",
        401,
        ("token is missing or wrong",),
        method="GET",
        headers={"authorization": "Bearer x"},
    ),
    Ask(
        "a name of another host",
        "/api/project",
        403,
        ("not known by that name",),
        method="GET",
        headers={"host": "evil.example"},
    ),
    Ask(
        "another port",
        "/api/project",
        403,
        ("not known by that name",),
        method="GET",
        headers={"host": "127.0.0.1:1"},
    ),
    Ask(
        "a page of another site",
        "/api/project",
        403,
        ("from other sites are refused",),
        method="GET",
        headers={"origin": "http://evil.example"},
    ),
    Ask(
        "a page of another site, as the browser says",
        "/api/project",
        403,
        ("from other sites are refused",),
        method="GET",
        headers={"sec-fetch-site": "cross-site"},
    ),
    Ask("a method that is none", "/api/project", 405, (), method="DELETE"),
    Ask("GET of what is to be sent", "/api/edit", 405, (), method="GET"),
    Ask("a path that is none", "/api/none", 404, (), method="GET"),
    Ask("a path that leaves the server's files", "/../../../../etc/passwd", 404, (), method="GET"),
    Ask("the same, encoded", "/%2e%2e/%2e%2e/etc/passwd", 404, (), method="GET"),
    Ask(
        "a body of two megabytes",
        "/api/edit",
        413,
        (f"expected {MAX_BODY:,} bytes at most",),
        b"x" * 2_000_000,
    ),
    Ask(
        "a length that is no number",
        "/api/edit",
        413,
        ("bytes at most",),
        b"{}",
        headers={"content-length": "many"},
    ),
)
BODIES = (
    Ask("no body", "/api/open", 400, ("Invalid JSON",), b""),
    Ask("no JSON", "/api/open", 400, ("Invalid JSON",), b"{no"),
    Ask("a list", "/api/open", 400, ("body: Input should be an object",), b"[]"),
    Ask("no UTF-8", "/api/open", 400, ("Invalid JSON",), b'{"field": "\xff"}'),
    Ask("ten thousand brackets", "/api/open", 400, ("Invalid JSON",), b"[" * 10_000),
    Ask("a key missing", "/api/open", 400, ("page: Field required",), {"field": "a"}),
    Ask(
        "an unknown key",
        "/api/open",
        400,
        ("colour: Extra inputs are not permitted",),
        BODY | {"colour": 1},
    ),
    Ask(
        "a number for text",
        "/api/open",
        400,
        ("field: Input should be a valid string",),
        BODY | {"field": 3},
    ),
    Ask(
        "a page's name that is none",
        "/api/open",
        400,
        ("page: String should match",),
        BODY | {"page": "../x"},
    ),
    Ask(
        "a field that is not there",
        "/api/open",
        404,
        ("no such field. Received: 'b'",),
        BODY | {"field": "b"},
    ),
    Ask(
        "a field outside the folder",
        "/api/open",
        404,
        ("no such field",),
        BODY | {"field": "../../secret"},
    ),
    Ask(
        "a field's name of 9,999 letters",
        "/api/open",
        400,
        ("field: String should have at most",),
        BODY | {"field": "a" * 9999},
    ),
    Ask(
        "a name that is not of the list",
        "/api/open",
        422,
        ("choose your name first. Received: 'eve'",),
        BODY | {"user": "eve"},
    ),
    Ask(
        "seconds below 0",
        "/api/beat",
        400,
        ("seconds: Input should be greater than or equal to 0",),
        BODY | {"seconds": -1},
    ),
    Ask(
        "seconds that are NaN",
        "/api/beat",
        400,
        ("seconds: Input should be",),
        json.dumps(BODY)[:-1].encode() + b', "seconds": NaN}',
    ),
    Ask(
        "an image of a field that is not there",
        "/api/image?field=../../secret",
        404,
        ("no such field",),
        method="GET",
    ),
    Ask(
        "labels of a model that is none",
        "/api/labels?field=a&of=../../x",
        404,
        ("expected before or model",),
        method="GET",
    ),
)
EDITS = (
    edit("a tool that is none", 400, ("edit.tool", "Input should be 'draw'"), tool="explode"),
    edit("no label", 400, ("delete needs 1 labels. Received: 0",), labels=[]),
    edit(
        "a label that is not there", 422, ("this nucleus is gone. Received: [999]",), labels=[999]
    ),
    edit("label 0", 400, ("greater than or equal to 1",), labels=[0]),
    edit("a label beyond 2^31", 400, ("less than or equal to 2147483647",), labels=[2**31]),
    edit("a label of 10^30", 400, ("less than or equal to 2147483647",), labels=[10**30]),
    edit("a label that is text", 400, ("Input should be a valid integer",), labels=["1"]),
    edit("a revision of later", 409, ("the labels changed; they are loaded anew",), revision=7),
    edit("a revision below 0", 400, ("revision",), revision=-1),
    edit("points that are no pairs", 400, ("edit.points",), tool="polygon", points=[[1], [2], [3]]),
    edit(
        "points far away",
        400,
        ("less than or equal to 1000000",),
        tool="polygon",
        points=[[0, 0], [1e9, 0], [0, 9]],
    ),
    edit(
        "points that are NaN",
        400,
        ("should be a finite number",),
        tool="draw",
        points=[[float("nan"), 1]],
    ),
    edit(
        "a polygon of one point",
        400,
        ("polygon needs 3 points. Received: 1",),
        tool="polygon",
        points=[[1, 1]],
    ),
    edit("a brush of 9,999 px", 400, ("edit.size",), tool="draw", points=[[1, 1]], size=9999),
    edit(
        "30,000 points",
        400,
        ("edit.points: List should have at most",),
        tool="draw",
        points=[[1, 1]] * 30_000,
    ),
    edit(
        "regions outside the field",
        422,
        ("expected regions inside the field, 72 x 96 px",),
        tool="region",
        boxes=[[0, 0, 999, 999]],
    ),
    edit(
        "regions of no size",
        422,
        ("expected regions inside the field",),
        tool="region",
        boxes=[[5, 5, 5, 9]],
    ),
)
FOLDERS = (
    Ask(
        "a folder that is not there",
        "/api/folder",
        422,
        ("expected a folder below", "Received: '/none'"),
        {"path": "/none", "page": "page-of-anna", "user": "anna"},
    ),
    Ask(
        "a folder outside those allowed",
        "/api/folder",
        422,
        ("expected a folder below",),
        {"path": "/etc", "page": "page-of-anna", "user": "anna"},
    ),
    Ask(
        "a list of a folder outside",
        "/api/folders?path=/etc",
        422,
        ("expected a folder below",),
        method="GET",
    ),
    Ask(
        "a list of a folder with NUL in it",
        "/api/folders?path=a%00b",
        422,
        ("expected a folder below",),
        method="GET",
    ),
    Ask(
        "a name of a folder with a slash",
        "/api/folder",
        422,
        ("expected a plain name without folders",),
        {"path": "", "name": "../x", "page": "page-of-anna", "user": "anna"},
    ),
    Ask(
        "an image whose name leaves the folder",
        "/api/upload?name=../../x.tif",
        422,
        ("expected a plain name without folders",),
        b"x",
    ),
    Ask("an image with no name", "/api/upload?name=", 422, ("expected a plain name",), b"x"),
    Ask(
        "a program for an image",
        "/api/upload?name=x.exe",
        422,
        ("x.exe: no image; expected one of",),
        b"x",
    ),
    Ask(
        "an image that is there already",
        "/api/upload?name=a.tif",
        422,
        ("there is a field of that name already; nothing was replaced",),
        b"x",
    ),
    Ask("text for an image", "/api/upload?name=b.tif", 422, ("b.tif",), b"no image"),
    Ask("nothing for an image", "/api/upload?name=b.tif", 422, ("b.tif",), b""),
    Ask(
        "an image named as labels",
        "/api/upload?name=b_masks.tif",
        422,
        ("is named as labels or results are; rename it",),
        b"x",
    ),
    Ask(
        "an image that is too large", "/api/upload?name=b.tif", 413, ("bytes at most",), b"x" * 9000
    ),
    Ask(
        "a version that is none",
        "/api/loop/choose",
        422,
        ("there is no model 'v9'",),
        BODY | {"name": "v9"},
    ),
    Ask(
        "a plane that is none",
        "/api/planes",
        422,
        ("--z: expected an index from 0",),
        BODY | {"z": "-1"},
    ),
)
GROUPS = {"At the door": DOOR, "Bodies": BODIES, "Edits": EDITS, "Folders, images, models": FOLDERS}
