"""Whether a run folder holds the very training that is asked for.

Schedulers repeat a command after a time limit or a lost node, and workflows after a changed input.
The first must go on where it was, the second begin anew.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nucseg_tf.config import Config
from nucseg_tf.io.files import atomic_path, ensure_folder
from nucseg_tf.models import zoo
from nucseg_tf.training.initialise import start_model

LOG = logging.getLogger(__name__)
STATE = ("last.h5", "best.h5", "start.json", "config.yaml")  # what a training keeps
WITHOUT_EFFECT = ("threads", "devices")  # on what comes out


def identity(
    config: Config, init: str, fields: Sequence[Sequence[str]], store: dict[str, Any] | None
) -> str:
    """A hash of all that a training depends on.

    Args:
        config: of the training.
        init: where its first weights come from.
        fields: hashes of the fields to train on, and of those to validate.
        store: content of the ROI store, if there is one.

    Returns:
        64 hexadecimal digits.
    """
    settings = config.model_dump(mode="json")
    for name in WITHOUT_EFFECT:
        settings["training"].pop(name, None)
    folder = start_model(config.model, init)
    begin = [init, zoo.verify(folder) if folder else None]
    made_of = {"settings": settings, "begin": begin, "fields": fields, "store": store}
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()


def can_resume(run: Path, wanted: str) -> bool:
    """Whether to go on with the training in a run folder; another one is removed from it.

    Args:
        run: folder of the run, made if need be.
        wanted: from `identity`.

    Returns:
        True if the folder holds this training, unfinished or finished.
    """
    note = ensure_folder(run) / "identity"
    held = note.read_text(encoding="utf-8").strip() if note.is_file() else None
    if held == wanted:
        return (run / "last.h5").exists()
    if (run / "last.h5").exists():
        LOG.warning("%s: held a training of other settings or fields; beginning anew", run)
    for name in STATE:
        (run / name).unlink(missing_ok=True)
    shutil.rmtree(run / "model", ignore_errors=True)
    with atomic_path(note) as temporary:
        temporary.write_text(wanted + "\n", encoding="utf-8")
    return False
