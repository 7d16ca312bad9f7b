"""`nucseg loop ...`."""

from __future__ import annotations

from pathlib import Path

from nucseg_tf.commands.options import Changes, Device


def show_status(project: Path, *, json: bool = False) -> str:
    """What was corrected and trained so far, how good it is, and what runs.

    Args:
        project: folder of images, as of `nucseg annotate`
        json: print all of it as JSON
    """
    from json import dumps

    from nucseg_tf.annotation.loop.status import status
    from nucseg_tf.annotation.loop.table import as_text

    found = status(project)
    return dumps(found, indent=1) if json else as_text(found)


def train_version(
    project: Path,
    *,
    new: bool = False,
    again: bool = False,
    init: str = "nuclei",
    set: Changes = (),
    device: Device = "auto",
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
        predict: then start to label the fields that nobody has corrected, if the version is used
    """
    from nucseg_tf.engines.tensorflow import use_device

    use_device(device)
    from nucseg_tf.annotation.loop import process, versions
    from nucseg_tf.annotation.loop.train import train

    done = train(project, new=new, again=again, base=init, settings=set)
    if predict and done.taken:
        process.start_predicting(project)
    return versions.model_folder(project, done.name)


def predict_fields(project: Path, *, first: str | None = None) -> str:
    """Label the fields that nobody has corrected with the project's current model.

    Fields that were corrected keep their labels. What is labelled already is left as it is.

    Args:
        project: folder of images, as of `nucseg annotate`
        first: GROUP/STEM or STEM of the field to begin with
    """
    from nucseg_tf.annotation.loop.predict import predict_fields
    from nucseg_tf.errors import SomeImagesFailed

    outcome = predict_fields(project, first)
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

    return "stopping" if process.stop_training(project) else "nothing trains on this machine"


class Loop:
    """Trains a project's own model from corrected fields, and labels the others with it."""

    status = staticmethod(show_status)
    train = staticmethod(train_version)
    predict = staticmethod(predict_fields)
    stop = staticmethod(stop_training)
