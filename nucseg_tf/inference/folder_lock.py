"""One run at a time writes to a folder, or to a part of it.

The lock is the operating system's, which gives it back whatever becomes of the process.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from nucseg_tf.errors import OutputError

NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP}


@contextmanager
def only_run_in(folder: Path, part: str = "") -> Iterator[None]:
    """Keep other runs out of a folder, or of its part.

    Raises:
        OutputError: another run is at work there.
    """
    lock = folder / f".lock{part}"
    with _locked(lock, folder):
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


@contextmanager
def _locked(lock: Path, folder: Path) -> Iterator[None]:
    while True:
        with lock.open("a") as stream:
            try:
                _take(stream)
            except OSError as error:
                raise OutputError(f"{folder}: {_refusal(error)}") from error
            # Another run may have ended, and taken the file with it, since it was opened.
            if lock.exists() and os.path.samestat(lock.stat(), os.fstat(stream.fileno())):
                yield
                return


def _refusal(error: OSError) -> str:
    if error.errno in NO_LOCKS:
        return (
            f"its file system gives no locks ({error.strerror}), which keep runs apart. Choose "
            "another folder (--out), or have it mounted with them (Lustre: flock)."
        )
    return (
        "another run writes its results here. Wait for its end, or choose another folder (--out)."
    )


def _take(stream: TextIO) -> None:
    """Lock an open file until it is closed, at once or not at all."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
