"""Files that a library is given in another process first.

Damaged ones can end the process that opens them, or keep it for ever; what is written in C cannot
be stopped from Python. The other process stays for the next file, as starting it costs more than
most files do.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

from nucseg_tf.errors import ImageReadError

PATIENCE = 60.0  # s, to open a file
# What the other process runs: a line of JSON with patience, script and arguments, and an empty line
# back. It ends itself when its patience does, as faulthandler's clock needs nothing of Python, or
# when its input does, with the process that it serves.
_SERVE = """
import faulthandler, json, os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
requests, answers = sys.stdin, os.fdopen(os.dup(1), "w")
silence = open(os.devnull, "w")
os.dup2(silence.fileno(), 1)
for request in requests:
    patience, script, *sys.argv[1:] = json.loads(request)
    faulthandler.dump_traceback_later(patience, exit=True, file=silence)
    try:
        exec(script, {"__name__": "__main__"})
    except BaseException:
        pass  # of this, whoever opens the file tells
    faulthandler.cancel_dump_traceback_later()
    print(file=answers, flush=True)
"""


def try_elsewhere(path: Path, library: str, script: str, *arguments: str) -> None:
    """Open a file in another process, once for each state of it.

    Args:
        path: of the file.
        library: whose it is, for the message.
        script: Python that opens it as this process will; gets the path and `arguments`. Errors
            that it raises are left to this process.
        arguments: more of it.

    Raises:
        ImageReadError: the other process was ended, came to no end, or cannot be started.
    """
    found = path.stat()
    try:
        ends = _ends(path.absolute(), found.st_mtime_ns, found.st_size, script, arguments)
    except OSError as error:
        raise ImageReadError(
            f"{path}: cannot be tried in another process first, as none can be started ({error}). "
            "Is there memory for one, and Python where it was?"
        ) from error
    if not ends:
        raise ImageReadError(
            f"{path}: is so damaged that {library} fails on it. Copy the file again."
        )


@functools.lru_cache(1024)
def _ends(path: Path, changed: int, size: int, script: str, arguments: tuple[str, ...]) -> bool:
    """Whether a script comes to its end; `changed` and `size` tell states of the file apart."""
    return _other_process(os.getpid()).ends(script, str(path), *arguments)


@functools.lru_cache(1)
def _other_process(owner: int) -> _OtherProcess:
    """One of each process: after a fork, parent and child must not share it."""
    return _OtherProcess()


class _OtherProcess:
    """Runs scripts one by one; started when there is one, and anew when one has ended it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def ends(self, *request: str) -> bool:
        """Whether a script, with its arguments, comes to its end.

        Only a process that has opened nothing else condemns a file, as damage that one did to its
        memory may show later; and only where such processes can work at all.

        Raises:
            OSError: they cannot.
        """
        with self._lock:
            used = self._process is not None
            if self._answers(request) or (used and self._answers(request)):
                return True
            if not self._answers(("pass",)):
                raise OSError(f"{sys.executable} ends at once")
            return False

    def _answers(self, request: tuple[str, ...]) -> bool:
        process = self._process = self._process or _start()
        answered = False
        try:
            print(json.dumps([PATIENCE, *request]), file=process.stdin, flush=True)
            answered = bool(next(iter(process.stdout or ()), ""))
        except OSError:
            pass  # it has ended since
        finally:  # also of an interruption, after which its answer would be taken for another's
            if not answered:
                process.kill()
                process.communicate()
                self._process = None
        return answered


def _start() -> subprocess.Popen[str]:
    # -P: modules in the working directory, which may be a stranger's, are none of ours.
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _SERVE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
