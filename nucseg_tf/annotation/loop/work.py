"""The work of a version: train, tune, judge.

    DIR/loop/v1/run/        run folder of the trainer, progress.json, log.txt
    DIR/loop/v1/model/      the model folder

What is done already is not done again, so that it goes on wherever it was cut off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nucseg_tf.annotation.loop import curve, judge, snapshot, versions
from nucseg_tf.annotation.loop.progress import Progress
from nucseg_tf.annotation.loop.versions import Version
from nucseg_tf.config import Config, load_config
from nucseg_tf.data.sample import load_samples
from nucseg_tf.errors import Signalled
from nucseg_tf.evaluation.finish import finish, start_thresholds
from nucseg_tf.scale.finder import typical_diameter
from nucseg_tf.training.callbacks import Interrupted
from nucseg_tf.training.trainer import Trainer
from nucseg_tf.types import Field


def work(folder: Path, version: Version) -> dict[str, Any]:
    """Train a version to its end.

    Args:
        folder: of the project.
        version: with its snapshot.

    Returns:
        What the version says of it: scores, curve, taken, rival, reason.

    Raises:
        SystemExit: stopped by a signal while it trained.
    """
    home = versions.home(folder, version.name)
    config = load_config(home / snapshot.CONFIG)
    steps = config.training.steps_per_epoch
    progress = Progress(
        home / "run" / versions.PROGRESS, config.training.epochs, steps, version.seconds
    )
    progress.stage("preparing")
    train, left_out = snapshot.read_fields(folder, version.name)
    if not (home / "model").is_dir():
        made = home / "run" / "model"
        if not made.is_dir():
            made = _make(home / "run", config, version.base, (train, left_out), progress)
        made.rename(home / "model")
    for name in ("last.h5", "best.h5"):  # 64 MB, of use only to go on with
        (home / "run" / name).unlink(missing_ok=True)
    progress.stage("judging")
    return _judge(folder, version, left_out, config)


def _make(
    run: Path,
    config: Config,
    base: str,
    fields: tuple[list[Field], list[Field]],
    progress: Progress,
) -> Path:
    """Train, and tune; gives the model folder."""
    find = typical_diameter if config.data.find_diameter else None
    train, left_out = (load_samples(part, config, find) for part in fields)
    trainer = Trainer(config, run, train, left_out, listeners=[progress])
    try:
        network = trainer.fit(base, resume=(run / "last.h5").is_file())
    except Interrupted as stop:
        raise Signalled(stop.number) from None
    progress.stage("finishing")
    return finish(run, start_thresholds(config, run), network, *fields, apart=True)


def _judge(
    folder: Path, version: Version, left_out: Sequence[Field], config: Config
) -> dict[str, Any]:
    """Compare a version with others on the fields left out."""
    # One that was judged, taken over and then killed: the model before it is known, and no other.
    rival = version.rival or versions.current(folder)
    rivals = judge.rivals(folder, version, rival)
    names = [*rivals, version.name]
    models = {name: versions.model_folder(folder, name) for name in names}
    scores = judge.score_models(folder, models, left_out, config)
    verdict = judge.decide(scores, version.name, rival, version.has_one_field)
    earlier = [other for other in versions.read_versions(folder) if other.name in rivals]
    learned = curve.learning_curve(earlier, version, scores)
    return {"scores": scores, "curve": learned, **asdict(verdict)}
