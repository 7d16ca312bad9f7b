"""Who is at work in a project: lock files, held while a process lives, also one that is killed.

    DIR/loop/.training      held by the process that trains
    DIR/loop/.predicting    held by the process that labels fields anew
    DIR/loop/.submitted     held by the process that waits for a cluster to train

A lock file says who holds it (process, machine). The system lets go of the lock when the process
ends, however it ends; so "alive" is known after `kill -9` and after a restart of the server, too.
A process can be born with a lock: its parent takes it and hands the open file on.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from nucseg_tf.errors import OutputError, UsageError
from nucseg_tf.io.documents import from_json
from nucseg_tf.io.files import ensure_folder

LOG = logging.getLogger(__name__)
LOOP = "loop"
TRAINING, PREDICTING, SUBMITTED = ".training", ".predicting", ".submitted"
INHERITED = "NUCSEG_LOOP_LOCK"  # number of the open file, of a process that is born with its lock
WHAT = {TRAINING: "trains", PREDICTING: "labels fields", SUBMITTED: "waits for a cluster"}
# s that a lock is asked for: whoever only looks whether it is held has it for a moment.
PATIENCE = 0.5


@dataclass(frozen=True)
class Holder:
    """Who holds a lock; process 0 and machine "" where that is not known yet."""

    process: int
    machine: str

    @property
    def is_here(self) -> bool:
        """Whether it is a process of this machine."""
        return self.machine == _machine()


@contextmanager
def hold(folder: Path, name: str, patience: float = PATIENCE) -> Iterator[None]:
    """Hold a lock of a project; one that this process was born with is taken over.

    Args:
        folder: of the project.
        name: of the lock.
        patience: s to wait for it.

    Raises:
        UsageError: another process holds it.
    """
    number = os.environ.pop(INHERITED, "")
    file = _inherited(int(number), _path(folder, name)) if number else None
    file = file or take(folder, name, patience)
    try:
        note(file, os.getpid())
        yield
    finally:
        file.close()


def take(folder: Path, name: str, patience: float = PATIENCE) -> IO[str]:
    """Take a lock; it is held as long as the file is open here or in a child that has it.

    Raises:
        UsageError: another process holds it.
        OutputError: its file cannot be written.
    """
    ensure_folder(folder / LOOP)
    path = _path(folder, name)
    try:
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from error
    end = time.monotonic() + patience
    while not _lock(file, path):
        if time.monotonic() > end:
            holder = _read(file)
            file.close()
            where = f" on {holder.machine}" if holder.machine not in ("", _machine()) else ""
            raise UsageError(
                f"{folder}: another process {WHAT[name]} in this folder. Wait for it, or stop it "
                f"with `nucseg loop stop`. Received: {path} is held by process "
                f"{holder.process}{where}"
            )
        time.sleep(0.05)
    file.truncate(0)  # else, until `note`, whoever had it before would pass for its holder
    return file


def note(file: IO[str], process: int) -> None:
    """Write into a lock file who holds it.

    Raises:
        OutputError: it cannot be written.
    """
    text = json.dumps({"process": process, "machine": _machine()})
    try:  # past the buffer of `file`, which would fail once more where it is closed
        os.ftruncate(file.fileno(), 0)
        os.pwrite(file.fileno(), text.encode(), 0)
    except OSError as error:
        raise OutputError(f"{file.name}: cannot be written: {error.strerror}") from error


def holder(folder: Path, name: str) -> Holder | None:
    """Who holds a lock of a project; None where nobody does."""
    path = _path(folder, name)
    try:
        file = path.open("r+", encoding="utf-8")
    except OSError:
        return None
    with file:
        return None if _lock(file, path, shared=True) else _read(file)


def _path(folder: Path, name: str) -> Path:
    return folder / LOOP / name


def _machine() -> str:
    return socket.gethostname()


def _read(file: IO[str]) -> Holder:
    file.seek(0)
    try:
        content = from_json(file.read(), finite=True)
        return Holder(int(content["process"]), str(content["machine"]))
    except (ValueError, KeyError, TypeError):  # about to be written
        return Holder(0, "")


def _lock(file: IO[str], path: Path, shared: bool = False) -> bool:
    """Lock an open file; False where another process holds it."""
    try:
        import fcntl
    except ImportError:  # Windows
        return True
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a network drive without locks
        LOG.warning("%s: no file locks there; start no second process on it", path)
    return True


def _inherited(number: int, path: Path) -> IO[str] | None:
    """The lock file that this process was born with, if it is the one that is asked for."""
    with contextlib.suppress(OSError):
        if os.path.samestat(os.fstat(number), path.stat()):
            os.set_inheritable(number, False)  # else a child would hold it on
            return os.fdopen(number, "r+", encoding="utf-8")
    return None
