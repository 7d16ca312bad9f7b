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
import errno
import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO

from nucseg_tf.errors import OutputError, UsageError
from nucseg_tf.io.files import ensure_folder, open_own, reason
from nucseg_tf.io.locks import BUSY, Holder, holder_now, parse

LOG = logging.getLogger(__name__)
LOOP = "loop"
TRAINING, PREDICTING, SUBMITTED = ".training", ".predicting", ".submitted"
INHERITED = "NUCSEG_LOOP_LOCK"  # number of the open file, of a process that is born with its lock
WHAT = {TRAINING: "trains", PREDICTING: "labels fields", SUBMITTED: "waits for a cluster"}
# s that a lock is asked for: whoever only looks whether it is held has it for a moment.
PATIENCE = 0.5


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
        file = open_own(path, "a+", encoding="utf-8", errors="replace")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {reason(error, path.parent)}") from error
    end = time.monotonic() + patience
    while not _lock(file, path):
        if time.monotonic() > end:
            holder = _read(file)
            file.close()
            raise UsageError(
                f"{folder}: another process {WHAT[name]} in this folder. Wait for it, or stop it "
                f"with `nucseg loop stop`. Received: {path} is held by {holder}"
                f"{'' if holder.is_here else f'; if that is no more, remove {path}'}"
            )
        time.sleep(0.05)
    file.truncate(0)  # else, until `note`, whoever had it before would pass for its holder
    return file


def note(file: IO[str], process: int) -> None:
    """Write into a lock file who holds it.

    Raises:
        OutputError: it cannot be written.
    """
    text = json.dumps(asdict(holder_now(process)))
    try:  # past the buffer of `file`, which would fail once more where it is closed
        os.ftruncate(file.fileno(), 0)
        os.pwrite(file.fileno(), text.encode(), 0)
    except OSError as error:
        place = Path(file.name).parent
        raise OutputError(f"{file.name}: cannot be written: {reason(error, place)}") from error


def holder(folder: Path, name: str) -> Holder | None:
    """Who holds a lock of a project; None where nobody does."""
    path = _path(folder, name)
    try:
        file = path.open("r+", encoding="utf-8", errors="replace")
    except OSError:
        return None
    with file:
        return None if _lock(file, path, shared=True) else _read(file)


def _path(folder: Path, name: str) -> Path:
    return folder / LOOP / name


def _read(file: IO[str]) -> Holder:
    """Who stands in a lock file; process 0 of no machine where that is about to be written."""
    file.seek(0)
    return parse(file.read()) or Holder(0, 0, "", "")


def _lock(file: IO[str], path: Path, shared: bool = False) -> bool:
    """Lock an open file; False where another process holds it."""
    try:
        import fcntl
    except ImportError:  # Windows
        return True
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in BUSY or error.errno == errno.EINTR:
            return False
        LOG.debug("%s: its file system gives no locks; what stands in the file is one", path)
        found = _read(file)
        return found.process == 0 or (found.is_here and not found.lives)
    return True


def _inherited(number: int, path: Path) -> IO[str] | None:
    """The lock file that this process was born with, if it is the one that is asked for."""
    with contextlib.suppress(OSError):
        if os.path.samestat(os.fstat(number), path.stat()):
            os.set_inheritable(number, False)  # else a child would hold it on
            return os.fdopen(number, "r+", encoding="utf-8", errors="replace")
    return None
