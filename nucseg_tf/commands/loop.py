"""`nucseg loop ...`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Literal

from nucseg_tf.commands.options import Changes, Device, complete
from nucseg_tf.console import printable, show_progress
from nucseg_tf.errors import Signalled, SomeImagesFailed, UsageError


def show_status(project: Path, *, json: bool = False) -> str:
    """What was corrected and trained so far, how good it is, what runs, what to correct next.

    Args:
        project: folder of images, as of `nucseg annotate`
        json: print all of it as JSON
    """
    from json import dumps

    from nucseg_tf.annotation.editor.project import open_project
    from nucseg_tf.annotation.loop.learn import judge_project
    from nucseg_tf.annotation.loop.status import status
    from nucseg_tf.annotation.loop.table import as_text

    opened = open_project(project)
    judged = judge_project(opened, opened.look())
    following = sorted(judged, key=lambda key: -judged[key].value)
    found = status(project, opened.fields)
    found["next"] = [{"field": key, **asdict(judged[key])} for key in following]
    return dumps(found, indent=1) if json else printable(as_text(found))


def train_version(
    project: Path,
    *,
    new: bool = False,
    again: bool = False,
    init: str = "nuclei",
    set: Changes = (),
    device: Device = "auto",
    where: Literal["here", "slurm"] = "here",
    predict: bool = False,
) -> Path:
    """Train a version of the project's model on the fields that are accepted.

    Goes on with a version that was not finished. The new version is used from then on if it is not
    worse than the one before on the fields that are left out. Prints its model folder.

    Args:
        project: folder of images, as of `nucseg annotate`
        new: begin another version, also if one is not finished
        again: also if nothing was corrected since the last version
        init: first weights of a new version: nuclei, random, imagenet, or a model's name or folder
        where: here, or slurm: by a job on a cluster, see docs/loop.md
        predict: then start to label the fields that nobody has corrected, if the version is used
    """
    from nucseg_tf.annotation.loop import process, versions
    from nucseg_tf.annotation.loop.cluster import train_on_cluster
    from nucseg_tf.annotation.loop.train import train

    _check_project(project)
    if where == "slurm":
        done = train_on_cluster(project, new=new, again=again, base=init, settings=set)
    else:
        done = train(project, new=new, again=again, base=init, settings=set, device=device)
    if predict and done.taken:
        process.start_predicting(project)
    return versions.model_folder(project, done.name)


def predict_fields(
    project: Path, *, first: str | None = None, fields: str = "", again: bool = False
) -> str:
    """Label the fields that nobody has corrected with the project's current model.

    Fields that were begun or corrected keep their labels. What the model has labelled already is
    left as it is; so the same command goes on with what was stopped. After SIGTERM, the current
    field is finished (exit code 143).

    Args:
        project: folder of images, as of `nucseg annotate`
        first: GROUP/STEM or STEM of the field to begin with
        fields: GROUP/STEM,STEM,... of the only ones to label; all otherwise
        again: also what the model has labelled already
    """
    from nucseg_tf.annotation.loop.predict import predict_fields

    keys = [key.strip() for key in fields.split(",") if key.strip()] or None
    with show_progress() as progress:
        outcome = predict_fields(project, first, keys, progress, again)
    if outcome.stopped:
        raise Signalled
    if outcome.failures:
        key, reason = next(iter(outcome.failures.items()))
        failed = len(outcome.failures)
        raise SomeImagesFailed(
            f"{failed} of {failed + len(outcome.done)} fields failed, the first: {key}: {reason}"
        )
    return f"{len(outcome.done)} fields labelled with {outcome.model}"


def stop_training(project: Path) -> str:
    """Stop the training of a project, with its state saved; `nucseg loop train` goes on with it.

    Args:
        project: folder of images, as of `nucseg annotate`
    """
    from nucseg_tf.annotation.loop import process

    _check_project(project)
    return "stopping" if process.stop_training(project) else "nothing trains on this machine"


def _check_project(folder: Path) -> None:
    """Refuse a folder that is not there before anything is written into it."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder; expected one of images")


class Loop:
    """Trains a project's own model from corrected fields, and labels the others with it."""

    status = staticmethod(complete(show_status))
    train = staticmethod(complete(train_version))
    predict = staticmethod(complete(predict_fields))
    stop = staticmethod(complete(stop_training))
