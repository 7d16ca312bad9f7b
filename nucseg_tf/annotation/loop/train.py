"""The whole training of a version: snapshot, training, thresholds, verdict.

Each version begins from the same first weights and learns from all accepted fields; one that began
from the last version would drift. A training that was stopped or killed goes on where it was.

This module decides what is to be done, and writes down how it ended; `work` does it. So whoever
asks in vain is told before TensorFlow is loaded.
"""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from nucseg_tf.annotation.editor.history import now
from nucseg_tf.annotation.editor.planes import read_choice
from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.annotation.loop import locks, parts, snapshot, versions
from nucseg_tf.annotation.loop.accepted import accepted_fields
from nucseg_tf.annotation.loop.recipe import BASE, recipe
from nucseg_tf.annotation.loop.status import obstacle
from nucseg_tf.annotation.loop.versions import Version
from nucseg_tf.engines.base import Device
from nucseg_tf.errors import Signalled, UsageError
from nucseg_tf.io.files import ensure_folder

LOG = logging.getLogger(__name__)
PACKAGE = logging.getLogger("nucseg_tf")
LOG_FILE = "log.txt"


def train(
    folder: Path,
    *,
    new: bool = False,
    again: bool = False,
    base: str = BASE,
    settings: Sequence[str] = (),
    device: Device = "auto",
) -> Version:
    """Train a version of a project's model, or go on with the one that was not finished.

    Args:
        folder: of the project.
        new: begin another version all the same.
        again: also where nothing was corrected since the last one.
        base: where the first weights come from, see `training.initialise`.
        settings: KEY=VALUE that replace those of the recipe.
        device: to train on.

    Returns:
        The version, done.

    Raises:
        UsageError: another process trains, there is nothing to train on, or nothing new.
        NucsegError: it failed; the version says why.
        SystemExit: stopped by SIGTERM or SIGINT, with the state saved.
    """
    with locks.hold(folder, locks.TRAINING):
        version = prepare(folder, new, again, base, settings)
        return _run(folder, version, device)


def prepare(folder: Path, new: bool, again: bool, base: str, settings: Sequence[str]) -> Version:
    """The version to train: the one that was not finished, or a new one; arguments as of `train`.

    Whoever asks holds the lock.

    Raises:
        UsageError: there is nothing to train on, or nothing new.
    """
    version = versions.unfinished(folder)
    if version is None:
        return _begin(folder, again, base, settings)
    if new:
        begun = _begin(folder, again, base, settings)
        versions.write(folder, replace(version, state="stopped"))  # also if it was killed
        return begun
    if settings or base != BASE:
        raise UsageError(
            f"{version.name} goes on with its own settings; to begin anew with others, add --new. "
            f"Received: {' '.join(settings) or base}"
        )
    return version


def _begin(folder: Path, again: bool, base: str, settings: Sequence[str]) -> Version:
    """A new version of what is accepted now."""
    accepted = accepted_fields(open_project(folder).fields.values())
    earlier = versions.read_versions(folder)
    reason = obstacle(accepted, earlier, base, settings, again)
    if reason:
        raise UsageError(f"{folder}: {reason}.")
    assigned = parts.assign([one.field.key for one in accepted], earlier)
    count = sum(part == parts.TRAIN for part in assigned.values())
    config = recipe(versions.next_name(folder), count, settings)
    choice = read_choice(folder)
    version = snapshot.take(folder, accepted, assigned, choice, config, base, settings)
    count = len(version.part(parts.TRAIN))
    LOG.info("%s begins, on %d field%s", version.name, count, "" if count == 1 else "s")
    return version


def _run(folder: Path, version: Version, device: Device) -> Version:
    """Train a version to its end, and write down how it ended."""
    run = ensure_folder(versions.home(folder, version.name) / "run")
    began = time.monotonic()

    def end(**changes: Any) -> Version:
        seconds = round(version.seconds + time.monotonic() - began, 1)
        values: dict[str, Any] = {"ended": now(), "seconds": seconds} | changes
        return versions.write(folder, replace(version, **values))

    versions.write(folder, replace(version, state="training"))
    with _log_to(run / LOG_FILE), _stoppable():
        try:
            from nucseg_tf.engines.tensorflow import use_device

            use_device(device)
            from nucseg_tf.annotation.loop.work import work

            outcome = work(folder, version)
        except SystemExit:
            end(state="stopped")
            LOG.warning("%s is stopped and saved; the same command goes on with it", version.name)
            raise
        except Exception as error:
            end(state="failed", error=str(error) or repr(error))
            LOG.exception("%s failed", version.name)
            raise
        if outcome["taken"]:
            # Written down first: once it is chosen, nothing else says what was used before.
            versions.write(folder, replace(version, state="training", **outcome))
            versions.choose(folder, version.name)
        LOG.info("%s: %s", version.name, outcome["reason"])
        return end(state="done", error="", **outcome)


@contextmanager
def _log_to(path: Path) -> Iterator[None]:
    """Write what the program says into a file, too."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    PACKAGE.addHandler(handler)
    try:
        yield
    finally:
        PACKAGE.removeHandler(handler)
        handler.close()


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let SIGTERM and SIGINT end the work by SystemExit; while it trains, `Checkpoint` does it."""

    def stop(number: int, frame: object) -> None:
        raise Signalled(number)

    handlers = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
