"""The whole training of a version: snapshot, training, thresholds, verdict.

    DIR/loop/v1/run/        run folder of the trainer, progress.json, log.txt
    DIR/loop/v1/model/      the model folder

Each version begins from the same first weights and learns from all accepted fields; one that began
from the last version would drift. A training that was stopped or killed goes on where it was.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from nucseg_tf.annotation.editor.history import now
from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.annotation.loop import curve, judge, locks, parts, snapshot, versions
from nucseg_tf.annotation.loop.accepted import accepted_fields
from nucseg_tf.annotation.loop.progress import PROGRESS, Progress
from nucseg_tf.annotation.loop.recipe import BASE, recipe
from nucseg_tf.annotation.loop.status import obstacle
from nucseg_tf.annotation.loop.versions import Version
from nucseg_tf.config import Config, load_config
from nucseg_tf.data.sample import load_samples
from nucseg_tf.errors import UsageError
from nucseg_tf.evaluation.finish import finish, start_thresholds
from nucseg_tf.io.files import ensure_folder
from nucseg_tf.scale.finder import typical_diameter
from nucseg_tf.training.callbacks import Interrupted
from nucseg_tf.training.trainer import Trainer

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
) -> Version:
    """Train a version of a project's model, or go on with the one that was not finished.

    Args:
        folder: of the project.
        new: begin another version all the same.
        again: also where nothing was corrected since the last one.
        base: where the first weights come from, see `training.initialise`.
        settings: KEY=VALUE that replace those of the recipe.

    Returns:
        The version, done.

    Raises:
        UsageError: another process trains, there is nothing to train on, or nothing new.
        NucsegError: it failed; the version says why.
        SystemExit: stopped by SIGTERM or SIGINT, with the state saved.
    """
    with locks.hold(folder, locks.TRAINING):
        version = None if new else versions.unfinished(folder)
        if version is None:
            version = _begin(folder, again, base, settings)
        elif settings or base != BASE:
            raise UsageError(
                f"{version.name} goes on with its own settings; to begin anew with others, add "
                f"--new. Received: {' '.join(settings) or base}"
            )
        return _run(folder, version)


def _begin(folder: Path, again: bool, base: str, settings: Sequence[str]) -> Version:
    """A new version of what is accepted now."""
    accepted = accepted_fields(open_project(folder).fields.values())
    earlier = versions.read_versions(folder)
    reason = obstacle(accepted, earlier, base, settings, again)
    if reason:
        raise UsageError(f"{folder}: {reason}")
    assigned = parts.assign([one.field.key for one in accepted], earlier)
    count = sum(part == parts.TRAIN for part in assigned.values())
    config = recipe(folder, versions.next_name(folder), count, settings)
    version = snapshot.take(folder, accepted, assigned, config, base, settings)
    LOG.info("%s begins, on %d fields", version.name, len(version.part(parts.TRAIN)))
    return version


def _run(folder: Path, version: Version) -> Version:
    """Train a version to its end, and write down how it ended."""
    run = ensure_folder(versions.home(folder, version.name) / "run")
    config = load_config(run.parent / snapshot.CONFIG)
    steps = config.training.steps_per_epoch
    progress = Progress(run / PROGRESS, config.training.epochs, steps, version.seconds)

    def end(**changes: Any) -> Version:
        values: dict[str, Any] = {"ended": now(), "seconds": round(progress.seconds, 1)} | changes
        return versions.write(folder, replace(version, **values))

    versions.write(folder, replace(version, state="training"))
    with _log_to(run / LOG_FILE), _stoppable():
        try:
            outcome = _work(folder, version, config, progress)
        except Interrupted as stop:
            end(state="stopped")
            LOG.warning("%s; %s is saved. The same command goes on with it", stop, version.name)
            raise SystemExit(stop.exit_code) from None
        except SystemExit:
            end(state="stopped")
            LOG.warning("%s was stopped. The same command goes on with it", version.name)
            raise
        except Exception as error:
            end(state="failed", error=str(error) or repr(error))
            LOG.exception("%s failed", version.name)
            raise
        if outcome["taken"]:
            versions.choose(folder, version.name)
        LOG.info("%s: %s", version.name, outcome["reason"])
        return end(state="done", error="", **outcome)


def _work(folder: Path, version: Version, config: Config, progress: Progress) -> dict[str, Any]:
    """Train, tune and judge; gives what a version says of it."""
    home = versions.home(folder, version.name)
    progress.stage("preparing")
    fields = snapshot.read_fields(folder, version.name)
    if not (home / "model").is_dir():
        made = home / "run" / "model"
        if not made.is_dir():  # else it was stopped while it was judged
            find = typical_diameter if config.data.find_diameter else None
            train_samples, left_out = (load_samples(part, config, find) for part in fields)
            trainer = Trainer(config, home / "run", train_samples, left_out, listeners=[progress])
            network = trainer.fit(version.base, resume=(home / "run" / "last.h5").is_file())
            progress.stage("finishing")
            tuned_from = start_thresholds(config, home / "run")
            made = finish(home / "run", tuned_from, network, *fields, apart=True)
        made.rename(home / "model")
    progress.stage("judging")
    rivals = judge.rivals(folder, version.name)
    models = {name: versions.model_folder(folder, name) for name in [*rivals, version.name]}
    scores = judge.score_models(folder, models, fields[1], config)
    verdict = judge.decide(scores, version.name, _rival(folder, version.name, rivals))
    earlier = [other for other in versions.read_versions(folder) if other.name in rivals]
    learned = curve.learning_curve(earlier, version, scores)
    return {"scores": scores, "curve": learned, **asdict(verdict)}


def _rival(folder: Path, name: str, rivals: Sequence[str]) -> str:
    """The current model; the newest before, where a version had been taken when it was killed."""
    current = versions.current(folder)
    return current if current != name else rivals[-1]


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
        raise SystemExit(128 + number)

    handlers = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
