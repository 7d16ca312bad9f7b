import errno
import os
import re
from pathlib import Path

import pytest

from nucseg_tf.errors import DiskFullError, OutputError
from nucseg_tf.io.files import (
    atomic_path,
    ensure_folder,
    remove_temporaries,
    remove_temporaries_of,
    warn_if_short,
)


def test_atomic_path_keeps_the_suffix_and_replaces_the_target(tmp_path):
    target = tmp_path / "result.ome.tif"
    target.write_text("old")
    with atomic_path(target) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".tif"
        assert temporary.name.startswith(".")
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def write_half(target, error):
    """Start to write, then fail."""
    with atomic_path(target) as temporary:
        temporary.write_text("half")
        raise error


def test_atomic_path_leaves_the_old_file_when_the_block_fails(tmp_path):
    target = tmp_path / "result.txt"
    target.write_text("old")
    with pytest.raises(KeyError):
        write_half(target, KeyError())
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_atomic_path_names_the_target_and_the_reason(tmp_path):
    with pytest.raises(OutputError, match=r"result\.txt: cannot be written: No space left"):
        write_half(tmp_path / "result.txt", OSError(errno.ENOSPC, "No space left on device"))
    assert not list(tmp_path.iterdir())


def test_atomic_path_in_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"result\.txt: cannot be written: Not a directory"):
        write_half(tmp_path / "file" / "result.txt", KeyError())


def test_somebodys_work_is_on_the_disk_before_it_takes_its_place(tmp_path, monkeypatch):
    steps: list[str] = []
    replace, fsync = Path.replace, os.fsync

    def synced(handle):
        steps.append(Path(f"/proc/self/fd/{handle}").readlink().name)
        fsync(handle)

    def replaced(path, target):
        steps.append("replace")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    with atomic_path(tmp_path / "a.tif", synced=True) as temporary:
        temporary.write_bytes(b"work")
    assert steps == [temporary.name, "replace", tmp_path.name]


def test_where_folders_have_no_sync_the_file_is_written(tmp_path, monkeypatch):
    fsync = os.fsync

    def of_files(handle):
        if Path(f"/proc/self/fd/{handle}").readlink().is_dir():
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", of_files)
    with atomic_path(tmp_path / "a.tif", synced=True) as temporary:
        temporary.write_bytes(b"work")
    assert (tmp_path / "a.tif").read_bytes() == b"work"


def test_what_a_killed_process_tried_a_folder_with_goes(tmp_path):
    (tmp_path / ".write-test-0123abcd").touch()
    ensure_folder(tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_killed_processes_left_beside_one_file(tmp_path):
    for name in ("a[1].h5", "b.h5", "folder"):
        with atomic_path(tmp_path / name) as temporary:
            temporary.touch()
        temporary.touch()
    others = {path.name for path in tmp_path.iterdir() if not path.name.startswith(".a[1]")}
    remove_temporaries_of(tmp_path / "a[1].h5")
    assert {path.name for path in tmp_path.iterdir()} == others
    (tmp_path / ".c-0123abcd").mkdir()
    (tmp_path / ".c-0123abcd" / "half").touch()
    remove_temporaries_of(tmp_path / "c")
    assert {path.name for path in tmp_path.iterdir()} == others


def test_what_killed_processes_left(tmp_path):
    with atomic_path(tmp_path / "a b.tif") as temporary:
        left = temporary.name
        temporary.write_bytes(b"")
    (tmp_path / "a b.tif").unlink()
    others = {".lock", ".objects.csv.part", "a-0123abcd.tif", ".hidden-name.tif"}
    for name in (left, *others):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / ".folder-0123abcd").mkdir()
    remove_temporaries(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == others | {".folder-0123abcd"}


def test_temporaries_are_removed_below_a_folder_too(tmp_path):
    below = tmp_path / "a" / ".b" / ".labels-0123abcd.tif"
    below.parent.mkdir(parents=True)
    below.touch()
    (tmp_path / "a" / "labels.tif").touch()
    remove_temporaries(tmp_path)
    assert below.exists()
    remove_temporaries(tmp_path, deep=True)
    assert not below.exists()
    assert (tmp_path / "a" / "labels.tif").exists()
    remove_temporaries(tmp_path / "missing", deep=True)
    remove_temporaries(tmp_path / "missing")


def test_ensure_folder_creates_parents_and_leaves_nothing_inside(tmp_path):
    folder = ensure_folder(tmp_path / "a" / "b")
    assert folder.is_dir()
    assert not list(folder.iterdir())
    assert ensure_folder(folder) == folder


def test_a_full_disk_leaves_no_test_file(tmp_path, monkeypatch):
    def full(self, content):
        self.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="No space left"):
        ensure_folder(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_ensure_folder_below_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"file.out: cannot write into this folder"):
        ensure_folder(tmp_path / "file" / "out")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_says_how_much_is_free(tmp_path, code):
    target = tmp_path / "a.csv"
    target.write_text("before")
    expected = rf"a\.csv: cannot be written: {os.strerror(code)} \([\d.]+ [GMk]B are free in "

    def write():
        with atomic_path(target) as temporary:
            temporary.write_text("after")
            raise OSError(code, "what h5py says, with the address of a buffer")

    with pytest.raises(OutputError, match=expected):
        write()
    assert target.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_what_a_server_refuses_when_it_is_synced(tmp_path, monkeypatch):
    def refuse(handle):
        raise OSError(errno.EIO, "late")

    monkeypatch.setattr(os, "fsync", refuse)
    target = tmp_path / "a.csv"
    with pytest.raises(OutputError, match="Input/output error"), atomic_path(target) as temporary:
        temporary.write_text("after")
    assert not list(tmp_path.iterdir())


def test_a_file_system_without_sync(tmp_path, monkeypatch):
    def refuse(handle):
        raise OSError(errno.EINVAL, "no sync")

    monkeypatch.setattr(os, "fsync", refuse)
    with atomic_path(tmp_path / "a.csv") as temporary:
        temporary.write_text("after")
    assert (tmp_path / "a.csv").read_text() == "after"


def test_too_little_space_is_said_before(tmp_path, caplog):
    warn_if_short(tmp_path / "none" / "yet", 1e18, "the store")
    warn_if_short(tmp_path, 1, "the store")
    assert len(caplog.records) == 1
    assert re.search(r"the store may take 1000000000\.0 GB, and .* are free", caplog.text)


def test_h5py_that_cannot_close_what_it_could_not_write(tmp_path):
    said = "Can't decrement id ref count (file write failed: errno = 28, error message = 'x', buf)"

    def write(error):
        with atomic_path(tmp_path / "a.h5"):
            raise error

    with pytest.raises(DiskFullError, match=r"a\.h5: cannot be written: No space left on device"):
        write(RuntimeError(said))
    with pytest.raises(RuntimeError, match="another"):
        write(RuntimeError("another"))
