"""Work in a child of this process, which is killed at a moment that chance has chosen.

The parent has imported what takes seconds, TensorFlow among it, and has run nothing of it: its
threads begin with the first operation, so that a child may still be forked. All work is done in
children for this reason, that which is to be killed as well as the rest.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import re
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WRITES = ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate")
WRITING = os.O_WRONLY | os.O_RDWR
HEAD = 8  # bytes: how many writes there were; then the last one, as text
PATIENCE = 300  # s, for anything
MODULES = (  # that the commands import late
    *("tensorflow", "keras", "openvino", "zarr", "pandas", "tifffile", "matplotlib.pyplot"),
    *("nucseg_tf.commands.predict", "nucseg_tf.inference.predict", "nucseg_tf.training.trainer"),
    *("nucseg_tf.evaluation.finish", "nucseg_tf.evaluation.report", "nucseg_tf.screening.report"),
    *("nucseg_tf.data.roi_store.write", "nucseg_tf.annotation.prelabel.folder"),
    *("nucseg_tf.annotation.exchange.restoring", "nucseg_tf.annotation.exchange.exporting"),
    *("nucseg_tf.io.omezarr.write_image", "nucseg_tf.engines.openvino", "skimage.measure"),
)


@dataclass(frozen=True)
class Plan:
    """When a child is killed.

    Attributes:
        after: s since its begin, or None.
        at_write: before which of its writes, counted from 1, or None.
        group: whether its own children are killed with it.
    """

    after: float | None = None
    at_write: int | None = None
    group: bool = True


@dataclass(frozen=True)
class Ended:
    """How a child has ended.

    Attributes:
        code: of its exit; -9 where it was killed.
        seconds: that it lived.
        writes: how many it has begun.
        last: the last of them, as `moment` says it.
        group: of the processes that it has begun; some may have outlived it.
    """

    code: int
    seconds: float
    writes: int
    last: str
    group: int


def load() -> None:
    """Import what takes time; the threads of this process must not become more."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in MODULES:
        __import__(name)


def attempt(work: Callable[[], Any], folder: Path, log: Path, plan: Plan = Plan()) -> Ended:
    """Let a child do something, and perhaps kill it.

    Args:
        work: what it does; gives an exit code, or None for 0.
        folder: writes below it are counted.
        log: where its output goes.
        plan: when to kill it.
    """
    told = mmap.mmap(-1, 4096)
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        _be_child(work, folder, log, plan, told)
    end = began + (plan.after if plan.after is not None else PATIENCE)
    status = None
    while status is None and time.monotonic() < end:
        time.sleep(0.002)
        done, found = os.waitpid(child, os.WNOHANG)
        status = found if done else None
    if status is None:
        kill = os.killpg if plan.group else os.kill
        with contextlib.suppress(ProcessLookupError):  # it is no group of its own yet
            kill(child, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        if plan.after is None:
            raise SystemExit(f"nothing happens any more, see {log}")
    seconds = time.monotonic() - began
    count = int.from_bytes(told[:HEAD], "little")
    last = told[HEAD:].split(b"\0", 1)[0].decode()
    return Ended(os.waitstatus_to_exitcode(status), round(seconds, 3), count, last, child)


def end_group(group: int) -> None:
    """Kill what is left of the processes that a child has begun."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _be_child(
    work: Callable[[], Any], folder: Path, log: Path, plan: Plan, told: mmap.mmap
) -> None:
    code = 1
    try:
        os.setsid()
        with log.open("a") as stream:
            os.dup2(stream.fileno(), 1)
            os.dup2(stream.fileno(), 2)
        sys.addaudithook(_Watch(str(folder), plan, told))
        code = work() or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


class _Watch:
    """Counts writes, from whatever thread, and kills at one of them."""

    def __init__(self, folder: str, plan: Plan, told: mmap.mmap):
        self.folder, self.plan, self.told, self.count = folder, plan, told, 0

    def __call__(self, event: str, arguments: tuple) -> None:
        if event not in WRITES and not (event == "open" and (arguments[2] or 0) & WRITING):
            return
        path = arguments[1 if event == "os.rename" else 0]
        if not isinstance(path, str | os.PathLike):
            return
        place = os.fspath(path)
        if isinstance(place, bytes) or (Path(place).is_absolute() and self.folder not in place):
            return
        self.count += 1
        text = moment(event, Path(place))
        self.told[:HEAD] = self.count.to_bytes(HEAD, "little")
        self.told[HEAD : HEAD + len(text) + 1] = text.encode() + b"\0"
        if self.count == self.plan.at_write:
            if self.plan.group:
                os.killpg(0, signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)


def moment(event: str, path: Path) -> str:
    """A write in words, alike for files that differ in numbers alone.

    >>> moment("os.rename", Path("/x/f07_labels.tif"))
    'rename fN_labels.tif'
    """
    name = re.sub(r"[-.]([0-9a-f]{8}|[0-9a-f]{32})\b", "", path.name)
    name = re.sub(r"\d+", "N", name[:60]) if len(name) > 1 else "chunk"
    return f"{event.removeprefix('os.')} {name}".encode("ascii", "replace").decode()
