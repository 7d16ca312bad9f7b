import errno
import json
import multiprocessing
import os
import threading
from dataclasses import asdict, replace

import pytest

from nucseg_tf.errors import BusyError, OutputError
from nucseg_tf.io import locks
from nucseg_tf.io.locks import held, holder_now, only_one, read

REMEDY = "Wait for its end."
NFS = "36 35 98:0 / {} rw,noatime shared:1 - nfs4 server:/home rw\n"


def hold(path):
    return only_one(path, "folder: another run writes here", REMEDY)


@pytest.fixture
def path(tmp_path):
    return tmp_path / ".lock"


@pytest.fixture
def quick(monkeypatch):
    for name, seconds in (("BEAT", 0.02), ("WATCH", 0.3), ("SETTLE", 0.05)):
        monkeypatch.setattr(locks, name, seconds)


@pytest.fixture
def without_flock(monkeypatch, quick):
    def refuse(stream):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(locks, "lock_now", refuse)


@pytest.fixture
def remote(monkeypatch, tmp_path, quick):
    """A network drive whose flock is of each machine alone."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n" + NFS.format(tmp_path))
    monkeypatch.setattr(locks, "MOUNTS", mounts)


def of_other_machine(path, count=0):
    other = replace(holder_now(4711), machine="elsewhere pid:[1]", token="t", count=count)
    whole = path.with_name("whole")  # whoever counts on in the file must not find half of it
    whole.write_text(json.dumps(asdict(other)))
    whole.replace(path)
    return other


def dead():
    process = multiprocessing.get_context("spawn").Process(target=int)
    process.start()
    process.join()
    return process.pid


def test_the_second_is_told_who_has_it(path):
    with hold(path):
        told = rf"another run writes here: process {os.getpid()} on "
        with pytest.raises(BusyError, match=told), hold(path):
            pass
        assert held(path).process == os.getpid()
    assert not path.exists()
    assert held(path) is None


def test_a_local_file_of_a_process_that_was_killed_is_taken_over(path):
    path.write_text(json.dumps(asdict(holder_now(dead()))))
    with hold(path):
        assert read(path).process == os.getpid()


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"process": 1}', "\x00"])
def test_a_damaged_file_is_of_nobody(path, content):
    path.write_text(content)
    assert read(path) is None
    with hold(path):
        assert read(path).process == os.getpid()


def test_without_flock_the_file_is_the_lock(path, without_flock):
    with hold(path):
        with pytest.raises(BusyError, match=r"If that is no more, remove .*\.lock"), hold(path):
            pass
        assert read(path).process == os.getpid()
    assert not list(path.parent.iterdir())


def test_without_flock_a_dead_process_holds_nothing(path, without_flock):
    path.write_text(json.dumps(asdict(holder_now(dead()))))
    with hold(path):
        assert read(path).process == os.getpid()


def test_without_flock_a_later_process_of_the_same_number_holds_nothing(path, without_flock):
    path.write_text(json.dumps(asdict(replace(holder_now(os.getpid()), born=1))))
    with hold(path):
        assert read(path).born != 1


def test_without_flock_one_of_many_gets_it(path, without_flock):
    got, go = [], threading.Barrier(6)

    def try_it():
        go.wait()
        try:
            with hold(path):
                got.append(1)
                threading.Event().wait(0.3)
        except BusyError:
            pass

    threads = [threading.Thread(target=try_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1


def test_without_links_either(path, without_flock, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EPERM, "no links")

    monkeypatch.setattr(locks.os, "link", refuse)
    with hold(path):
        assert read(path).process == os.getpid()


def test_another_machine_that_counts_on_is_alive(path, remote):
    of_other_machine(path)
    ended = threading.Event()

    def count():
        number = 0
        while not ended.wait(0.02):
            number += 1
            of_other_machine(path, number)

    thread = threading.Thread(target=count)
    thread.start()
    try:
        with (
            pytest.raises(BusyError, match=r"process 4711 on elsewhere, since .*remove"),
            hold(path),
        ):
            pass
    finally:
        ended.set()
        thread.join()


def test_another_machine_that_does_not_is_dead(path, remote, monkeypatch, caplog):
    monkeypatch.setattr(locks.time, "time", lambda: 0.0)  # a clock that is set back does not count
    of_other_machine(path)
    with hold(path):
        assert read(path).process == os.getpid()
        first = read(path).count
        end = threading.Event()
        for _ in range(100):
            end.wait(0.02)
            if read(path) and read(path).count > first:
                break
        assert read(path).count > first
    assert "taken over from process 4711 on elsewhere" in caplog.text


def test_whoever_was_taken_over_leaves_the_other_file_alone(path, remote):
    with hold(path):
        of_other_machine(path)
    assert read(path).machine.startswith("elsewhere")


def test_remote(tmp_path, monkeypatch):
    mounts = tmp_path / "mountinfo"
    mounts.write_text("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n" + NFS.format("/net/my\\040home"))
    monkeypatch.setattr(locks, "MOUNTS", mounts)
    assert not locks.is_remote(tmp_path)
    assert locks.is_remote(locks.Path("/net/my home/x/y"))
    assert not locks.is_remote(locks.Path("/net/my homes"))


def test_a_folder_that_is_not_there(tmp_path):
    nowhere = hold(tmp_path / "none" / ".lock")
    with pytest.raises(OutputError, match="cannot be written: No such file"), nowhere:
        pass


def test_on_a_full_disk_the_lock_has_no_name(path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(locks.os, "write", full)
    with hold(path), pytest.raises(BusyError, match=r"writes here\. Wait"), hold(path):
        pass
    assert not path.exists()
