from __future__ import annotations

from pathlib import Path

import pytest

from nucseg_tf.engines import cache
from nucseg_tf.engines.cache import HASHES, cache_folder, kept

FILES = {"network.xml": b"<net/>", "network.bin": bytes(range(200))}
KEY = "0a1b"


class Maker:
    """Makes the files, and counts how often."""

    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return FILES


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Where the files of `KEY` are kept."""
    monkeypatch.setenv("NUCSEG_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "kind" / KEY


def test_files_are_made_once(folder):
    make = Maker()
    assert kept("kind", KEY, make) == FILES
    assert kept("kind", KEY, make) == FILES
    assert make.calls == 1
    assert {file.name for file in folder.iterdir()} == {*FILES, HASHES}
    assert [path.name for path in folder.parent.iterdir()] == [KEY]  # nothing temporary is left


def flip(folder: Path) -> None:
    data = bytearray((folder / "network.bin").read_bytes())
    data[100] ^= 1
    (folder / "network.bin").write_bytes(data)


def cut(folder: Path) -> None:
    (folder / "network.xml").write_bytes(FILES["network.xml"][:3])


def lose(folder: Path) -> None:
    (folder / "network.xml").unlink()


def lose_hashes(folder: Path) -> None:
    (folder / HASHES).unlink()


def scribble(folder: Path) -> None:
    (folder / HASHES).write_bytes(b"\xff no hashes")


def of_another_key(folder: Path) -> None:
    text = (folder / HASHES).read_text()
    (folder / HASHES).write_text(text.replace(KEY, "ffff", 1))


def without_key(folder: Path) -> None:
    lines = (folder / HASHES).read_text().splitlines(keepends=True)
    (folder / HASHES).write_text("".join(lines[1:]))


@pytest.mark.parametrize(
    "harm", [flip, cut, lose, lose_hashes, scribble, of_another_key, without_key]
)
def test_what_is_damaged_or_foreign_is_made_anew(folder, harm):
    make = Maker()
    kept("kind", KEY, make)
    harm(folder)
    assert kept("kind", KEY, make) == FILES
    assert make.calls == 2
    assert kept("kind", KEY, make) == FILES
    assert make.calls == 2


def test_what_belongs_to_another_user_is_made_anew(folder, monkeypatch):
    make = Maker()
    kept("kind", KEY, make)
    monkeypatch.setattr(cache.os, "getuid", lambda: 4242)
    owner = folder.stat().st_uid
    kept("kind", KEY, make)
    assert make.calls == (1 if owner == 0 else 2)  # the administrator's is trusted


def test_what_came_with_the_installation_goes_first(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "PREPARED", tmp_path / "cache")
    make = Maker()
    kept("kind", KEY, make)
    monkeypatch.setenv("NUCSEG_CACHE", str(tmp_path / "other"))
    monkeypatch.setattr(cache, "_is_trusted", lambda folder: False)  # an unpacked image, say
    assert kept("kind", KEY, make) == FILES
    assert make.calls == 1
    flip(folder)
    assert kept("kind", KEY, make) == FILES
    assert make.calls == 2


def test_names_that_lead_elsewhere_are_not_followed(folder):
    make = Maker()
    kept("kind", KEY, make)
    (folder.parent / "secret").write_bytes(b"x")
    (folder / HASHES).write_text(f"{KEY}  key\n00  ../secret\n")
    assert kept("kind", KEY, make) == FILES


def test_where_nothing_can_be_written_files_are_made_each_time(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NUCSEG_CACHE", str(tmp_path / "file" / "cache"))
    make = Maker()
    assert kept("kind", KEY, make) == FILES
    assert kept("kind", KEY, make) == FILES
    assert make.calls == 2


def test_without_a_home_too(monkeypatch):
    monkeypatch.setattr(cache, "cache_folder", lambda: Path("~nobody-of-this-name").expanduser())
    assert kept("kind", KEY, Maker()) == FILES


def test_the_folder_is_that_of_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("NUCSEG_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "nucseg"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # the specification says: to be ignored
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "nucseg"
