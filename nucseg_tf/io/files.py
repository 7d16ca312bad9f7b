"""Writing of files so that a reader sees either the whole result or none of it."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from nucseg_tf.errors import OutputError

# Of folders: some network drives have no sync, and some folders may be written to, not read.
NO_SYNC = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EACCES, errno.EBADF}
_TEMPORARY = re.compile(r"\..+-[0-9a-f]{8}(\.\w+)?", re.DOTALL)


@contextmanager
def atomic_path(path: str | os.PathLike[str], synced: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `path`, which takes its place once the block has succeeded.

    The temporary file is hidden, has the suffix of the target (writers choose the format by it) and
    lies in the same folder, because a rename is atomic only within one file system.

    Args:
        path: the file to be written; its folder must exist.
        synced: whether it is to be on the disk when the block has ended, for it holds somebody's
            work. It is so before it takes its place: after a power cut, a name may else stand for
            a file without content, where the earlier one has gone.

    Yields:
        The path to write to.

    Raises:
        OutputError: the block or the rename raised an OSError; nothing is left behind.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.stem[:40]}-{uuid4().hex[:8]}{target.suffix}")
    try:
        yield temporary
        if synced:
            _sync(temporary)
        temporary.replace(target)
        if synced:
            sync_folder(target.parent)
    except OSError as error:
        raise OutputError(f"{target}: cannot be written: {_reason(error)}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make sure that the names in a folder are on the disk; a no-op where folders have no sync."""
    if os.name != "posix":
        return
    try:
        _sync(folder)
    except OSError as error:
        if error.errno not in NO_SYNC:
            raise


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_temporaries_of(path: Path) -> None:
    """Remove what killed processes have left beside a file or folder that nobody else writes now.

    Args:
        path: of the file, or of a folder that is written beside its place.
    """
    name = glob.escape(f".{path.stem[:40]}-") + 8 * "[0-9a-f]" + glob.escape(path.suffix)
    for left in path.parent.glob(name):
        with contextlib.suppress(OSError):  # a hidden file more is no reason to fail
            shutil.rmtree(left) if left.is_dir() else left.unlink()


def remove_temporaries(folder: Path, deep: bool = False) -> None:
    """Remove what killed processes have left of `atomic_path` in a folder that nobody writes to.

    Args:
        folder: may be missing.
        deep: also in the folders below it.
    """
    for path in folder.rglob(".*") if deep else folder.glob(".*"):
        if _TEMPORARY.fullmatch(path.name) and path.is_file():
            with contextlib.suppress(OSError):  # a hidden file more is no reason to fail
                path.unlink()


def ensure_folder(path: str | os.PathLike[str]) -> Path:
    """Create a folder where it is missing, and make sure that files can be written into it.

    Args:
        path: the folder; its parents are created too.

    Returns:
        The folder.

    Raises:
        OutputError: the folder cannot be created or written to. A file is really written, because
            permission bits say little on network drives and read-only mounts.
    """
    folder = Path(path)
    probe = folder / f".write-test-{uuid4().hex[:8]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(
            ".write-test-????????"
        ):  # by killed processes; of others, nothing is read
            with contextlib.suppress(OSError):
                left.unlink()
        probe.write_bytes(b"x")
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot write into this folder: {_reason(error)}. "
            "Choose another one, or free space or permissions there."
        ) from error
    finally:
        with contextlib.suppress(OSError):  # on a full disk it is there, empty
            probe.unlink()
    return folder


def _reason(error: OSError) -> str:
    """What the operating system says, without the path of the temporary file."""
    return error.strerror or str(error)
