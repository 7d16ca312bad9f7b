"""Whether a run folder holds the very training that is asked for.

Schedulers repeat a command after a time limit or a lost node, and workflows after a changed input.
The first must go on where it was, the second begin anew.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nucseg_tf.config import Config
from nucseg_tf.errors import TrainingError
from nucseg_tf.io.files import atomic_path, ensure_folder
from nucseg_tf.models import zoo
from nucseg_tf.training.initialise import start_model

LOG = logging.getLogger(__name__)
STATE = ("last.h5", "best.h5", "start.json", "config.yaml", "model")  # what a training keeps
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
    begin = zoo.verify(folder) if folder else init
    if folder is None and Path(init).is_file():
        begin = hashlib.sha256(Path(init).read_bytes()).hexdigest()
    made_of = {"settings": settings, "begin": begin, "fields": fields, "store": store}
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()


def note(run: Path, wanted: str) -> None:
    """Write down which training a run folder holds."""
    with atomic_path(ensure_folder(run) / "identity") as temporary:
        temporary.write_text(wanted + "\n", encoding="utf-8")


def can_resume(run: Path, wanted: str) -> bool:
    """Whether to go on with the training in a run folder; another one is moved aside.

    Args:
        run: folder of the run, made if need be.
        wanted: from `identity`.

    Returns:
        True if the folder holds this training, unfinished or finished.

    Raises:
        TrainingError: it holds something, and what that is does not stand there.
    """
    file = ensure_folder(run) / "identity"
    held = [name for name in STATE if (run / name).exists()]
    if file.is_file() and file.read_text(encoding="utf-8").strip() == wanted:
        return (run / "last.h5").exists()
    if held and not file.is_file():
        raise TrainingError(
            f"{run}: holds {held[0]}, but not which training it is of. Choose another --out, or "
            "--resume if it is this one."
        )
    if held:
        number = next(n for n in itertools.count(1) if not (run / f"replaced-{n}").exists())
        aside = ensure_folder(run / f"replaced-{number}")
        for name in (*held, "identity"):
            (run / name).rename(aside / name)
        LOG.warning("%s: held a training of other settings or fields, now in %s", run, aside.name)
    note(run, wanted)
    return False
