"""Training and labelling in processes of their own, which outlive the page and its server.

They run at a low priority, for the page must answer meanwhile; so does their session as a whole.
Whether one is alive is known by its lock (see `locks`), which the process is born with: so two that
are started at the same moment are one too many at once, and a page that asks right afterwards sees
that it runs.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Literal

from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.annotation.loop import locks, versions
from nucseg_tf.annotation.loop.accepted import accepted_fields
from nucseg_tf.annotation.loop.status import obstacle
from nucseg_tf.errors import OutputError, UsageError
from nucseg_tf.io.files import open_own

NICENESS = 10
LOGS = {locks.TRAINING: "train.log", locks.PREDICTING: "predict.log", locks.SUBMITTED: "slurm.log"}
ENDS_IN = 2.0  # s that a process takes to be gone after it was killed
Where = Literal["here", "slurm"]


def start_training(folder: Path, where: Where = "here", new: bool = False) -> None:
    """Go on with a version that was not finished, or begin one; fields are labelled afterwards.

    Args:
        folder: of the project.
        where: "here", or "slurm": on a cluster.
        new: begin another version all the same.

    Raises:
        UsageError: there is nothing to train on, nothing new, or a training is under way.
    """
    for name in (locks.SUBMITTED, locks.TRAINING):  # the other place may be at it
        locks.take(folder, name).close()
    if new or versions.unfinished(folder) is None:
        accepted = accepted_fields(open_project(folder).fields.values())
        reason = obstacle(accepted, versions.read_versions(folder))
        if reason:
            raise UsageError(reason)
    name = locks.TRAINING if where == "here" else locks.SUBMITTED
    more = ["--new"] if new else []
    command = ["train", str(folder.resolve()), "--predict", f"--where={where}", *more]
    _start(folder, name, command)


def stop_training(folder: Path) -> bool:
    """Ask the training to save its state and end; False where there is none on this machine."""
    ended = [_end(folder, name) for name in (locks.SUBMITTED, locks.TRAINING)]
    return any(ended)


def start_predicting(folder: Path, first: str | None = None, again: bool = False) -> None:
    """Label the fields that nobody has corrected with the current model.

    A process that is at it already ends at once: it leaves whole files, so the new one goes on.

    Args:
        folder: of the project.
        first: key of the field to begin with.
        again: also fields that the model has labelled already.
    """
    more = [f"--first={first}"] if first is not None else []
    more += ["--again"] if again else []
    command = ["predict", str(folder.resolve()), *more]
    _end(folder, locks.PREDICTING, signal.SIGKILL)
    _start(folder, locks.PREDICTING, command)


def stop_predicting(folder: Path) -> bool:
    """Ask the process that labels fields to end; False where there is none on this machine."""
    return _end(folder, locks.PREDICTING)


def _start(folder: Path, name: str, command: Sequence[str]) -> None:
    """Start a process that is born with its lock.

    Raises:
        UsageError: the lock is taken.
        OutputError: the process cannot be started, or what it says not be kept.
    """
    with locks.take(folder, name, ENDS_IN) as lock:
        try:
            number = _spawn(folder, name, command, lock)
        except OSError as error:
            log = folder / locks.LOOP / LOGS[name]
            raise OutputError(f"{log}: nothing was started: {error.strerror}") from error
        locks.note(lock, number)


def _spawn(folder: Path, name: str, command: Sequence[str], lock: IO[str]) -> int:
    """Start `nucseg loop ...` apart from this process; gives its number."""
    nice = ["nice", "-n", str(max(0, NICENESS - os.nice(0)))] if shutil.which("nice") else []
    with open_own(folder / locks.LOOP / LOGS[name], "a", encoding="utf-8") as log:
        process = subprocess.Popen(
            [*nice, sys.executable, "-m", "nucseg_tf", "loop", *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {locks.INHERITED: str(lock.fileno())},
            pass_fds=[lock.fileno()],
            start_new_session=True,
        )
    _stand_back(process.pid)
    threading.Thread(target=process.wait, daemon=True).start()  # else it stays as a zombie
    return process.pid


def _stand_back(process: int) -> None:
    """Lower the priority of a process's session.

    Linux may share the processors among sessions first ("autogroup"); the niceness of a process
    then counts among those of its own session only, and this one has a session of its own.
    """
    with contextlib.suppress(OSError):  # no Linux, or one that does not
        Path(f"/proc/{process}/autogroup").write_text(str(NICENESS), encoding="ascii")


def _end(folder: Path, name: str, number: signal.Signals = signal.SIGTERM) -> bool:
    """Send a signal to whoever holds a lock, if that is on this machine."""
    holder = locks.holder(folder, name)
    if holder is None or holder.process == 0 or not holder.is_here:
        return False
    with contextlib.suppress(ProcessLookupError):  # it has just ended
        os.kill(holder.process, number)
    return True
