"""Writing of files so that a reader sees either the whole result or none of it."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from nucseg_tf.errors import OutputError

_TEMPORARY = re.compile(r"\..+-[0-9a-f]{8}(\.\w+)?", re.DOTALL)


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`, which takes its place once the block has succeeded.

    The temporary file is hidden, has the suffix of the target (writers choose the format by it) and
    lies in the same folder, because a rename is atomic only within one file system.

    Args:
        path: the file to be written; its folder must exist.

    Yields:
        The path to write to.

    Raises:
        OutputError: the block or the rename raised an OSError; nothing is left behind.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.stem[:40]}-{uuid4().hex[:8]}{target.suffix}")
    try:
        yield temporary
        temporary.replace(target)
    except OSError as error:
        raise OutputError(f"{target}: cannot be written: {_reason(error)}") from error
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
