"""Files that a library is given in another process first.

Damaged ones can end the process that opens them, or keep it for ever; what is written in C cannot
be stopped from Python.
"""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path

from nucseg_tf.errors import ImageReadError

PATIENCE = 60.0  # s, to open a file


def try_elsewhere(path: Path, library: str, script: str, *arguments: str) -> None:
    """Open a file in another process, once for each state of it.

    Args:
        path: of the file.
        library: whose it is, for the message.
        script: Python that opens it as this process will; gets the path and `arguments`. Errors
            that it raises are left to this process.
        arguments: more of it.

    Raises:
        ImageReadError: the other process was ended, or came to no end.
    """
    found = path.stat()
    if not _ends(path, found.st_mtime_ns, found.st_size, script, arguments):
        raise ImageReadError(
            f"{path}: is so damaged that {library} fails on it. Copy the file again."
        )


@functools.lru_cache(1024)
def _ends(path: Path, changed: int, size: int, script: str, arguments: tuple[str, ...]) -> bool:
    """Whether a script comes to its end; `changed` and `size` tell states of the file apart."""
    # -P: modules in the working directory, which may be a stranger's, are none of ours.
    command = [sys.executable, "-P", "-c", script, str(path), *arguments]
    try:
        return subprocess.run(command, capture_output=True, timeout=PATIENCE).returncode >= 0
    except subprocess.TimeoutExpired:
        return False
