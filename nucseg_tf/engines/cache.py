"""Files that are made once and kept in the user's cache folder; what lies there is checked first.

Whatever is damaged, another's or of another key counts as not there. The folder may be removed at
any time.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from uuid import uuid4

LOG = logging.getLogger(__name__)
HASHES = "sha256"
PREPARED = Path(sys.prefix) / "share" / "nucseg"  # by whoever installed the program: an image, say
Files = Mapping[str, bytes]  # contents by name


def cache_folder() -> Path:
    """Where things are kept: NUCSEG_CACHE, else `nucseg` in XDG_CACHE_HOME or in ~/.cache.

    Raises:
        RuntimeError: the user has no home.
    """
    own, base = os.environ.get("NUCSEG_CACHE"), os.environ.get("XDG_CACHE_HOME", "")
    if own:
        return Path(own)
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "nucseg"


def kept(kind: str, key: str, make: Callable[[], Files]) -> Files:
    """Files from the cache, or from what came with the installation, or made anew and kept.

    Where the cache cannot be written they are made all the same.

    Args:
        kind: folder in the cache.
        key: letters and digits that stand for all that the files depend on.
        make: makes them.
    """
    files = read(PREPARED / kind / key, key, of_anyone=True)
    if files is not None:
        return files
    try:
        folder = cache_folder() / kind / key
    except RuntimeError as error:
        LOG.debug("no cache: %s", error)
        return make()
    files = read(folder, key)
    if files is None:
        files = make()
        try:
            write(folder, key, files)
        except OSError as error:
            LOG.debug("%s: nothing is kept here: %s", folder, error)
    return files


def read(folder: Path, key: str, of_anyone: bool = False) -> Files | None:
    """Files as they were written; None if anything is missing, different or someone else's.

    Args:
        folder: they lie in.
        key: they were written for.
        of_anyone: whose files they are does not matter: the program lies beside them.
    """
    try:
        lines = (folder / HASHES).read_text(encoding="utf-8").splitlines()
        pairs = (line.split("  ", 1) for line in lines)
        recorded = {name: digest for digest, name in pairs}
        if recorded.pop("key", None) != key or not (of_anyone or _is_trusted(folder)):
            raise ValueError("made for something else, or by someone else")
        files = {name: (folder / Path(name).name).read_bytes() for name in recorded}
        for name, digest in recorded.items():
            if hashlib.sha256(files[name]).hexdigest() != digest:
                raise ValueError(f"{name} differs from its recorded hash")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        LOG.debug("%s: is made anew: %s", folder, error)
        return None
    return files


def _is_trusted(folder: Path) -> bool:
    """Whether only this user, or the administrator, can have put there what is there."""
    if not hasattr(os, "getuid"):
        return True
    return all(path.stat().st_uid in (os.getuid(), 0) for path in (folder, *folder.iterdir()))


def write(folder: Path, key: str, files: Files) -> None:
    """Put files in place of what is there, all at once.

    Raises:
        OSError: they cannot be written.
    """
    temporary = folder.with_name(f".{key[:16]}-{uuid4().hex[:8]}")
    try:
        temporary.mkdir(parents=True)
        lines = [f"{key}  key\n"]
        for name, content in files.items():
            (temporary / name).write_bytes(content)
            lines.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n")
        (temporary / HASHES).write_text("".join(lines), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
