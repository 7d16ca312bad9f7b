"""Writing of files so that a reader sees either the whole result or none of it."""

from __future__ import annotations

import contextlib
import errno
import glob
import logging
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from nucseg_tf.errors import DiskFullError, OutputError

LOG = logging.getLogger(__name__)
FULL = {errno.ENOSPC, errno.EDQUOT}
NO_SYNC = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}  # file systems without it
_H5PY = re.compile(r"errno = (\d+), error message")
_TEMPORARY = re.compile(r"\..+-[0-9a-f]{8}(\.\w+)?", re.DOTALL)


@contextmanager
def atomic_path(path: str | os.PathLike[str], synced: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `path`, which takes its place once the block has succeeded.

    The temporary file is hidden, has the suffix of the target (writers choose the format by it) and
    lies in the same folder, because a rename is atomic only within one file system. It is synced
    before: a network drive may say only then that it was full, and after a power cut a name may
    else stand for a file without content, where the earlier one has gone.

    Args:
        path: the file to be written; its folder must exist.
        synced: whether its name, too, is to be on the disk when the block has ended, for it holds
            somebody's work.

    Yields:
        The path to write to.

    Raises:
        OutputError: the block or the rename raised an OSError; nothing is left behind. Where the
            disk is full, `DiskFullError`.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.stem[:40]}-{uuid4().hex[:8]}{target.suffix}")
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(target)
        if synced:
            sync_folder(target.parent)
    except OSError as error:
        raise unwritable(target, error) from error
    except RuntimeError as error:  # of h5py, which closes a file that it could not write
        found = _H5PY.search(str(error))
        if found is None:
            raise
        raise unwritable(target, OSError(int(found[1]), "")) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def open_own(path: Path, mode: str, **options: Any) -> Any:
    """Open a file of ours to write, as `open` does, but no symbolic link.

    Whoever may write to a folder could have put one there, to have another file of the user's
    written to.

    Raises:
        OSError: it cannot be opened, or is a symbolic link.
    """
    return open(path, mode, opener=_without_links, **options)  # `Path.open` has no opener


def _without_links(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def sync_folder(folder: Path) -> None:
    """Make sure that the names in a folder are on the disk; a no-op where folders have no sync."""
    if os.name != "posix":
        return
    try:
        _sync(folder)
    except OSError as error:
        if error.errno not in {errno.EACCES, errno.EBADF}:  # it may be written to, not read
            raise


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
        for left in folder.glob(".write-test-????????"):  # of killed processes; nobody reads it
            with contextlib.suppress(OSError):
                left.unlink()
        probe.write_bytes(b"x")
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot write into this folder: {reason(error, folder)}. "
            "Choose another one, or free space or permissions there."
        ) from error
    finally:
        with contextlib.suppress(OSError):  # on a full disk it is there, empty
            probe.unlink()
    return folder


def unwritable(path: Path, error: OSError) -> OutputError:
    """What to raise where a file cannot be written."""
    kind = DiskFullError if error.errno in FULL else OutputError
    return kind(f"{path}: cannot be written: {reason(error, path.parent)}")


def reason(error: OSError, folder: Path) -> str:
    """What the operating system says, without the path of a temporary file.

    Args:
        error: of writing into `folder`, raised by Python or by a library.
        folder: may be missing; of a disk that is full it is told how much is free, and what to do.
    """
    if error.errno is None:
        return str(error)
    said = os.strerror(error.errno)  # h5py puts a page of addresses into `strerror`
    if error.errno not in FULL:
        return said
    space = free_space(folder)
    left = "" if space is None else f" ({size_text(space)} are free in {folder})"
    return f"{said}{left}. Make space there; the same command then goes on"


def free_space(folder: Path) -> int | None:
    """Bytes that may be written to where a folder is, or will be; None where that is not known."""
    for place in (folder, *folder.parents):
        try:
            return shutil.disk_usage(place).free
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return None


def warn_if_short(folder: Path, size: float, what: str) -> None:
    """Warn before something large is written for which there may not be the space.

    It is a warning, for what compresses well may fit all the same.

    Args:
        folder: where it will lie; may be missing.
        size: bytes, about.
        what: is written.
    """
    space = free_space(folder)
    if space is not None and space < size:
        LOG.warning(
            "%s: %s may take %s, and %s are free",
            *(folder, what, size_text(size), size_text(space)),
        )


def size_text(size: float) -> str:
    """A number of bytes for people: "3.1 GB"."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size / 1e3:.0f} kB"


def _sync(path: Path) -> None:
    """Wait until a file is on the disk, or on the server, which may refuse it only now."""
    handle = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in NO_SYNC:
            raise
    finally:
        os.close(handle)
