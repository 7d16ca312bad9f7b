"""`nucseg train`."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from pathlib import Path
from typing import Any

from nucseg_tf.commands.options import (
    Changes,
    Channel,
    ConfigName,
    Data,
    Device,
    Invert,
    Plane,
    SplitBinary,
)
from nucseg_tf.commands.records import now, write_record
from nucseg_tf.commands.settings import settings_and_fields
from nucseg_tf.engines.tensorflow import use_device
from nucseg_tf.errors import Signalled, UsageError
from nucseg_tf.io.files import ensure_folder

LOG = logging.getLogger(__name__)


def train(
    config: ConfigName,
    *,
    data: Data,
    out: Path,
    init: str = "random",
    resume: bool = False,
    requeue: bool = False,
    store: Path | None = None,
    channel: Channel = None,
    z: Plane = None,
    invert: Invert = False,
    split_binary: SplitBinary = False,
    set: Changes = (),
    device: Device = "auto",
) -> Path:
    """Train a model on annotated fields.

    Writes a run folder with a model folder inside it, and prints the latter.

    Args:
        out: folder for the run
        init: random, imagenet, coco (or a Matterport .h5 file), nuclei, or a model's name or folder
        resume: go on with the training in --out
        requeue: the same if it has these settings and fields, else begin anew; for job scripts
        store: ROIs from `nucseg augment` to train on, instead of cutting new ones
    """
    from nucseg_tf.engines.choose import check_backend

    check_backend()
    if resume and requeue:
        raise UsageError("--resume and --requeue: choose one of them")
    if store is not None and not store.exists():
        raise UsageError(f"{store}: no such file; expected a store of `nucseg augment`")
    if resume and not (out / "last.h5").exists():
        raise UsageError(f"--resume: {out} has no checkpoint, last.h5. Start without --resume.")
    settings, fields = settings_and_fields(
        config, data, set, channel=channel, z=z, invert=invert, split_binary=split_binary
    )
    from nucseg_tf.inference.folder_lock import only_run_in

    ensure_folder(out)
    with only_run_in(out):
        use_device(device)
        from nucseg_tf.data.fields import field_hash
        from nucseg_tf.data.roi_store.read import RoiStore
        from nucseg_tf.data.sample import load_samples
        from nucseg_tf.evaluation.finish import finish, start_thresholds
        from nucseg_tf.scale.finder import typical_diameter
        from nucseg_tf.training import devices
        from nucseg_tf.training import requeue as queue
        from nucseg_tf.training.callbacks import Interrupted
        from nucseg_tf.training.trainer import Trainer

        devices.choose(settings.training)  # if there are too few, say so before fields are read
        LOG.info("%d fields to train on, %d to validate", *map(len, fields))
        rois = RoiStore(store) if store else None
        hashes = [[field_hash(field) for field in part] for part in fields]
        if rois:
            rois.check(settings, hashes[1])
        identity = queue.identity(settings, init, hashes, rois.content if rois else None)
        if requeue:
            resume = queue.can_resume(out, identity)
        find = typical_diameter if settings.data.find_diameter else None
        train_samples, validation_samples = (load_samples(part, settings, find) for part in fields)
        if resume or not (out / "last.h5").exists():  # else the trainer refuses
            names = [[field.name for field in part] for part in fields]
            cut = {"file": str(store), "augment": rois.content["augment"]} if rois else None
            seed = settings.training.seed
            queue.note(out, identity)
            _record_start(out / "run.json", config, data, init, resume, seed, names, cut)
        try:
            network = Trainer(settings, out, train_samples, validation_samples, rois).fit(
                init, resume
            )
        except Interrupted as stop:
            LOG.warning("%s; the state is saved. To go on, add --resume to the command", stop)
            raise Signalled(stop.number) from None
        return finish(out, start_thresholds(settings, out), network, *fields)


def _record_start(
    path: Path,
    config: Path,
    data: Path,
    init: str,
    resume: bool,
    seed: int,
    names: list[list[str]],
    store: dict[str, Any] | None,
) -> None:
    """Note a start of a training in run.json, below the earlier ones if it is resumed."""
    from nucseg_tf.doctor import source_revision

    starts: list[dict[str, Any]] = []
    if resume:
        with contextlib.suppress(OSError, ValueError, KeyError):
            starts = json.loads(path.read_text(encoding="utf-8"))["starts"]
    start = {"started": now(), "init": init, "resume": resume, "process": os.getpid()}
    record = {
        "command": "train",
        "config": str(config),
        "data": str(data),
        "seed": seed,
        "store": store,
        "git": source_revision(),
        "fields": {"train": names[0], "validation": names[1]},
        "starts": [*starts, start],
    }
    write_record(path, record)
