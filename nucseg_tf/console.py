"""What the commands share: TensorFlow without its chatter, the device, progress."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from nucseg_tf.errors import UsageError

LOG = logging.getLogger(__name__)
Device = Literal["auto", "cpu", "gpu"]
Progress = Callable[[int, int, str], bool]


def load_tensorflow() -> None:
    """Import TensorFlow without the lines about CUDA that no setting of its own suppresses.

    They are kept if the import fails, or with NUCSEG_DEBUG=1, should it take the process down.
    """
    if "tensorflow" in sys.modules or os.environ.get("NUCSEG_DEBUG") == "1":
        return
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as messages:
        os.dup2(messages.fileno(), 2)
        try:
            import tensorflow  # noqa: F401
        except BaseException:
            messages.seek(0)
            os.write(stderr, messages.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def use_device(device: Device) -> None:
    """Choose where TensorFlow runs; before it has run anything.

    Raises:
        UsageError: if "gpu" is asked for and there is none.
    """
    load_tensorflow()
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if device == "gpu" and not gpus:
        raise UsageError("--device gpu: TensorFlow finds no GPU; `nucseg doctor` says why")
    with contextlib.suppress(RuntimeError):  # TensorFlow has begun: the choice was made before
        if device == "cpu":
            tf.config.set_visible_devices([], "GPU")
        else:
            for gpu in gpus:  # take memory as needed, not all of a shared GPU at once
                tf.config.experimental.set_memory_growth(gpu, True)


@contextmanager
def show_progress() -> Iterator[Progress]:
    """A bar on a terminal, a line per image elsewhere.

    Yields a function of the number done, the count and the name of an image, which returns whether
    to go on: after SIGTERM it says no, so that what is done can be written down.
    """
    received: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: received.append(number))
    try:
        with _bar() if sys.stderr.isatty() else contextlib.nullcontext(_line) as show:

            def progress(done: int, total: int, name: str) -> bool:
                show(done, total, name)
                return not received

            yield progress
    finally:
        signal.signal(signal.SIGTERM, before)


def _line(done: int, total: int, name: str) -> None:
    LOG.info("%d %% (%d/%d) %s", 100 * done // total, done, total, name)


@contextmanager
def _bar() -> Iterator[Callable[[int, int, str], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    name_column = TextColumn("{task.description}", markup=False)
    with Bar(*columns, name_column, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total, name: bar.update(
            task, completed=done, total=total, description=name
        )
