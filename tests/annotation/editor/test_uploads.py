"""Images that are dropped on the page, over HTTP: what comes in, and what leaves nothing behind."""

from __future__ import annotations

import errno
import io
import os
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile

from nucseg_tf.annotation.editor import uploads
from nucseg_tf.annotation.editor.app import make_app
from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.annotation.editor.security import MAX_BODY, Gate
from nucseg_tf.annotation.editor.uploads import sweep
from nucseg_tf.annotation.editor.users import Features, Users
from nucseg_tf.annotation.editor.workspace import Workspace

with warnings.catch_warnings():  # starlette would rather have a newer httpx
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

LIMIT = 3_000_000


def content(side: int = 20) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, np.arange(side * side, dtype=np.uint16).reshape(side, side))
    return file.getvalue()


@pytest.fixture
def client(project):
    workspace = Workspace(project)
    gate = Gate(
        make_app(workspace, Users("root"), features=Features(upload=LIMIT)),
        "t",
        "127.0.0.1",
        8765,
        LIMIT,
    )
    headers = {"authorization": "Bearer t"}
    yield TestClient(gate, "http://127.0.0.1:8765", headers=headers, raise_server_exceptions=False)
    workspace.close()


def drop(client, name: str, body=None):
    return client.post("/api/upload", params={"name": name}, content=body or content())


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_an_image_becomes_a_field(client, folder):
    row = drop(client, "new one.ome.tif").json()
    assert (row["key"], row["status"], row["count"]) == ("new one", "new", None)
    assert (folder / "images" / "new one.ome.tif").read_bytes() == content()
    fields = client.get("/api/project").json()["fields"]
    assert "new one" in [field["key"] for field in fields]
    image = client.get("/api/image", params={"field": "new one"})
    assert len(image.content) == 800
    assert client.get("/api/thumbnail", params={"field": "new one"}).content[:2] == b"\xff\xd8"
    assert "new one" in open_project(folder).fields


def test_an_image_of_more_than_other_bodies_may_have(client, folder):
    body = content(1000)
    assert MAX_BODY < len(body) < LIMIT
    pieces = (body[i : i + 70_000] for i in range(0, len(body), 70_000))  # without a length
    assert drop(client, "large.tif", pieces).status_code == 200
    assert (folder / "images" / "large.tif").read_bytes() == body


def test_a_flat_folder_gets_it_beside_the_others(tmp_path, add_image):
    add_image(tmp_path / "a.tif", np.zeros((9, 9), np.uint8))
    workspace = Workspace(open_project(tmp_path))
    client = TestClient(make_app(workspace, Users("root")), raise_server_exceptions=False)
    assert drop(client, "b.tif").status_code == 200
    assert (tmp_path / "b.tif").is_file()
    assert workspace.project.fields["b"].mask == tmp_path / "b_masks.tif"
    workspace.close()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *((name, "plain name") for name in ("", "../x.tif", "/x.tif", "a/x.tif", "..\\x.tif")),
        *((name, "plain name") for name in (".x.tif", "NUL.tif", "com1.ome.tif", "..")),
        *((name, "no text") for name in ("x\x00.tif", "x\n.tif", "x\u202efit.tif")),
        *((name, "no image") for name in ("x.exe", "x", "tif", "x.tif.sh", "x.html", "x.zarr")),
        *((name, "labels or results") for name in ("x_masks.tif", "x_labels.tif", "x_mask.png")),
        *((name, "field of that name") for name in ("two.tif", "TWO.png", "two.ome.tif")),
        ("x" * 160 + ".tif", "150 bytes"),
    ],
)
def test_names_that_are_refused(client, folder, name, text):
    before = {path: path.read_bytes() for path in files(folder.parent)}
    for answer in (drop(client, name), client.get("/api/upload", params={"name": name})):
        assert answer.status_code == 422
        assert text in answer.json()["error"]
    assert {path: path.read_bytes() for path in files(folder.parent)} == before


@pytest.mark.parametrize(
    "body", [b"x", b"II*\0" + b"\0" * 100, content()[:-100], b"#!/bin/sh\n" * 20]
)
def test_what_is_no_image_leaves_nothing(client, folder, body):
    before = files(folder)
    answer = drop(client, "x.tif", body)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("x.tif: ")
    assert uploads.HIDDEN not in answer.text
    assert files(folder) == before


def test_what_is_too_large_leaves_nothing(client, folder):
    before = files(folder)
    assert drop(client, "x.tif", b" " * (LIMIT + 1)).status_code == 413
    sent = 0

    def endless():  # a gigabyte, without a length
        nonlocal sent
        while sent < 10**9:
            sent += 100_000
            yield b" " * 100_000

    answer = drop(client, "x.tif", endless())
    assert answer.status_code == 413
    assert "too large" in answer.json()["error"]
    assert files(folder) == before


@pytest.mark.parametrize("path", ["/api/edit", "/api/planes", "/api/upload/", "/api//upload"])
def test_other_bodies_stay_small(client, path):
    answer = client.post(path, content=b" " * (MAX_BODY + 1))
    assert answer.status_code == 413


def test_a_name_that_is_taken_meanwhile_is_not_replaced(client, folder, monkeypatch):
    target = folder / "images" / "x.tif"
    check = uploads._check

    def slow(temporary, name):
        check(temporary, name)
        target.write_bytes(b"of others")

    monkeypatch.setattr(uploads, "_check", slow)
    answer = drop(client, "x.tif")
    assert "nothing was replaced" in answer.json()["error"]
    assert target.read_bytes() == b"of others"
    assert not list(folder.rglob(f"{uploads.HIDDEN}*"))


def test_file_systems_without_links(client, folder, monkeypatch):
    def refuse(*args):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert drop(client, "x.tif").status_code == 200
    assert (folder / "images" / "x.tif").read_bytes() == content()


def test_a_full_disk_leaves_nothing(client, folder, monkeypatch):
    before = files(folder)

    def full(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(uploads, "_sync", full)
    answer = drop(client, "x.tif")
    assert answer.status_code == 507
    assert "No space left" in answer.json()["error"]
    assert files(folder) == before


def test_what_a_killed_server_left_is_swept(project, folder):
    left = folder / "images" / f"{uploads.HIDDEN}0123.tif"
    left.write_bytes(b"half")
    assert len(project.fields) == 3
    sweep(project)
    assert not left.exists()
    assert (folder / "images" / "two.tif").is_file()


def png(side: int) -> bytes:
    """A PNG file that claims to be a square of this many pixels."""
    made = b""
    for kind, data in (
        (b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)),
        (b"IDAT", b""),
    ):
        made += struct.pack(">I", len(data)) + kind + data
        made += struct.pack(">I", zlib.crc32(kind + data))
    return b"\x89PNG\r\n\x1a\n" + made


def damaged_tiff(side: int) -> bytes:
    """A compressed TIFF file that claims to be a square of this many pixels, and has few."""
    data = zlib.compress(bytes(1000))
    tags = {256: side, 257: side, 258: 8, 259: 8, 262: 1, 273: 200, 277: 1, 278: side}
    tags[279] = len(data)
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)
    return head.ljust(200, b"\0") + data


@pytest.mark.parametrize("side", [10**6, 20_000])
def test_nothing_is_decoded_of_what_claims_to_be_huge(client, folder, monkeypatch, side):
    def scratch(*arguments):
        raise AssertionError("room was made for it")

    monkeypatch.setattr("nucseg_tf.io.readers.tiff.scratch", scratch)
    before = files(folder)
    for name, body in (("a.png", png(side)), ("a.tif", damaged_tiff(side))):
        answer = drop(client, name, body)
        assert answer.status_code == 422
        assert f"{name}: a browser shows 64,000,000 pixels at most" in answer.json()["error"]
    assert files(folder) == before


def test_a_plane_that_cannot_be_decoded_is_said(client, folder, monkeypatch):
    """Large compressed planes are read only when they are asked for."""
    monkeypatch.setattr("nucseg_tf.io.readers.tiff.fits", lambda size: False)
    answer = drop(client, "a.tif", damaged_tiff(2000))
    assert answer.status_code == 422
    assert "a.tif: damaged, cut short" in answer.json()["error"]


def test_no_field_takes_the_place_of_a_file_of_the_project(client):
    assert drop(client, "Project.json.tif").status_code == 422
