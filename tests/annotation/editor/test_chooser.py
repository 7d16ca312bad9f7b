"""Which folders a page may look into."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from nucseg_tf.annotation.editor.chooser import Budget, Chooser, FolderError, count_images
from nucseg_tf.annotation.editor.message import EditError


@pytest.fixture
def home(tmp_path) -> Path:
    """Folders with images, one hidden, and a secret beside the root."""
    for name in ("home/flat", "home/plate/images/A", "home/.ssh", "home/bare", "secret"):
        (tmp_path / name).mkdir(parents=True)
    files = ("flat/a.tif", "flat/b.PNG", "flat/.c.tif", "flat/notes.txt")
    files += ("plate/images/a.tif", "plate/images/A/b.tif", "plate/masks.tif")
    for name in files:
        (tmp_path / "home" / name).touch()
    (tmp_path / "home" / "plate" / "annotation").mkdir()
    return tmp_path / "home"


def test_a_list_says_how_many_images_each_has(home):
    found = Chooser([home]).list("")
    rows = [(row["name"], row["images"], row["project"]) for row in found["folders"]]
    assert rows == [("bare", 0, False), ("flat", 2, False), ("plate", 2, True)]
    assert (found["path"], found["parent"], found["images"]) == (str(home), "", 0)
    inner = Chooser([home]).list(str(home / "flat"))
    assert (inner["parent"], inner["images"], inner["folders"]) == (str(home), 2, [])


@pytest.mark.parametrize(
    "text",
    [
        *("..", "/", "/etc", "flat", "~", ".", "{home}/..", "{home}/../secret", "{home}x"),
        *("{home}/flat/../../secret", "{home}/.ssh", "{home}/flat\x00", "{home}/" + "x" * 5000),
        *("{home}/missing", "{home}/flat/a.tif", "{home}/flat/a.tif/b", "\\\\server\\share"),
    ],
)
def test_only_folders_below_the_roots_are_looked_into(home, text):
    chooser = Chooser([home])
    with pytest.raises(FolderError):
        chooser.list(text.replace("{home}", str(home)))
    with pytest.raises(FolderError):
        chooser.create(text.replace("{home}", str(home)), "new")


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_lead_nowhere_else(home):
    (home / "out").symlink_to(home.parent / "secret")
    (home / "in").symlink_to(home / "flat")
    (home / "ring").symlink_to(home / "ring")
    (home / "key").symlink_to(home / ".ssh")
    chooser = Chooser([home])
    names = [row["name"] for row in chooser.list("")["folders"]]
    assert names == ["bare", "flat", "in", "plate"]
    for name in ("out", "ring", "key"):
        with pytest.raises(FolderError, match=r"expected a folder below|no such folder"):
            chooser.resolve(str(home / name))
    assert chooser.resolve(str(home / "in")) == home / "flat"


def test_a_root_may_itself_lie_in_a_hidden_folder(home):
    (home / ".ssh" / "data" / ".git").mkdir(parents=True)
    chooser = Chooser([home, home / ".ssh" / "data"])
    assert chooser.resolve(str(home / ".ssh" / "data"))
    for name in (".ssh", ".ssh/data/.git"):
        with pytest.raises(FolderError, match="not hidden"):
            chooser.resolve(str(home / name))


def test_without_roots_it_is_off():
    with pytest.raises(FolderError, match="is off on this server"):
        Chooser().list("")


def test_a_new_folder_is_made(home):
    chooser = Chooser([home])
    made = chooser.create(str(home), "fresh")
    assert made == home / "fresh"
    assert list(made.iterdir()) == [made / "images"]
    with pytest.raises(FolderError, match="is there already"):
        chooser.create(str(home), "fresh")
    for name in ("../x", "a/b", ".x", "nul", "x\x00"):
        with pytest.raises(EditError):
            chooser.create(str(home), name)
    assert not (home.parent / "x").exists()


def test_counting_ends(home):
    assert count_images(home / "flat", Budget(4)) == 2
    assert count_images(home / "flat", Budget(3)) is None
    found = Chooser([home])
    assert found.list("")["folders"][1]["images"] == 2


def test_a_folder_that_cannot_be_read_has_no_number(home, monkeypatch):
    scan = os.scandir

    def refused(folder):  # as mode 0 would, but for root
        if folder == home / "flat":
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refused)
    rows = Chooser([home]).list("")["folders"]
    assert rows[1]["images"] is None
    with pytest.raises(FolderError, match="cannot be read"):
        Chooser([home]).list(str(home / "flat"))
