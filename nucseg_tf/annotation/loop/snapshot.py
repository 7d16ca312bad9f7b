"""What a version trains on: copies of the accepted masks, made whole before the training begins.

Corrections go on while a version trains; its snapshot stays as it was:

    DIR/loop/v1/masks/GROUP/STEM.tif    copies
    DIR/loop/v1/fields.csv              a manifest of them, with regions
    DIR/loop/v1/config.yaml             all settings of the training

The folder of a version appears with all of this in it, or not at all.
"""

from __future__ import annotations

import csv
import hashlib
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from nucseg_tf.annotation.editor.history import now
from nucseg_tf.annotation.loop import parts, versions
from nucseg_tf.annotation.loop.accepted import Accepted, acceptances, joined
from nucseg_tf.annotation.loop.versions import Box, FieldUse, Version
from nucseg_tf.config import Config
from nucseg_tf.data.manifest import find_fields
from nucseg_tf.data.regions import format_regions, known_labels, read_regions, regions_path
from nucseg_tf.errors import DataError
from nucseg_tf.io.files import ensure_folder
from nucseg_tf.io.labels import read_labels
from nucseg_tf.io.names import stem_of
from nucseg_tf.schema import to_yaml
from nucseg_tf.types import Field

MANIFEST, CONFIG = "fields.csv", "config.yaml"
SPLITS = {parts.TRAIN: "train", parts.LEFT_OUT: "val"}
# A mask is whole if it is the one that the journal records. Where there is no such record, or where
# another program replaced the mask, it is if it stays as it is for a moment.
TRIES, PAUSE = 20, 0.1  # s


def take(
    folder: Path,
    accepted: Sequence[Accepted],
    assigned: Mapping[str, str],
    config: Config,
    base: str,
    settings: Sequence[str],
) -> Version:
    """Begin a version: copy what it trains on, and write it down.

    Args:
        folder: of the project.
        accepted: fields, in the order of their first acceptance.
        assigned: their parts, from `parts.assign`.
        config: of the training; its name is that of the version.
        base: where the first weights come from.
        settings: what was given beside the recipe.

    Raises:
        UsageError: a single field has too few nuclei.
        DataError: a mask cannot be read, or does not stay as it is.
    """
    target = versions.home(folder, config.name)
    draft = target.with_name(f".{config.name}-unfinished")
    shutil.rmtree(draft, ignore_errors=True)
    ensure_folder(draft)
    uses: list[FieldUse] = []
    rows: list[Mapping[str, str]] = []
    for one in accepted:
        copy, digest, boxes = copy_mask(one, draft / "masks")
        labels = read_labels(copy)
        regions_of = {assigned[one.field.key]: boxes}
        if len(accepted) == 1:
            known = known_labels(one.mask, labels, boxes)
            regions_of = parts.divide(known, boxes, one.field.key)
        for part, regions in regions_of.items():
            counted = known_labels(one.mask, labels, regions)
            nuclei = len(np.unique(counted[counted > 0]))
            uses.append(FieldUse(one.field.key, part, nuclei, digest, regions))
            rows.append(_row(one, target, copy.relative_to(draft), part, regions))
    _write_manifest(draft / MANIFEST, rows)
    (draft / CONFIG).write_text(to_yaml(config), encoding="utf-8")
    version = Version(config.name, "training", base, tuple(settings), tuple(uses), started=now())
    versions.write_json(draft / versions.VERSION, asdict(version))
    draft.rename(target)
    return version


def read_fields(folder: Path, name: str) -> tuple[list[Field], list[Field]]:
    """The fields of a version, to train on and left out.

    Raises:
        DataError: an image is gone since, or a mask.
    """
    found = find_fields(versions.home(folder, name) / MANIFEST)
    expected = len(versions.read(folder, name).fields)
    if len(found) < expected:
        raise DataError(
            f"{versions.home(folder, name) / MANIFEST}: {expected - len(found)} of its {expected} "
            "fields have no image or no mask any more, see above. Put them back, or begin anew "
            "with --new."
        )
    train, left_out = ([f for f in found if f.split == split] for split in SPLITS.values())
    return train, left_out


def copy_mask(one: Accepted, root: Path) -> tuple[Path, str, tuple[Box, ...]]:
    """Copy the mask of a field as it is at one moment.

    Args:
        one: the field.
        root: folder for the copy, which is called by the key of the field.

    Returns:
        The copy, the hash of mask and regions (see `accepted.digest_of`), and the regions.

    Raises:
        DataError: it does not stay as it is for a moment, or cannot be read.
    """
    mask, regions = _settled(one)
    copy = root / f"{one.field.key}{one.mask.name.removeprefix(stem_of(one.mask))}"
    ensure_folder(copy.parent)
    copy.write_bytes(mask)
    if regions:
        regions_path(copy).write_bytes(regions)
    digest = joined(*(hashlib.sha256(part).hexdigest() if part else "" for part in (mask, regions)))
    return copy, digest, read_regions(copy)


def _settled(one: Accepted) -> tuple[bytes, bytes]:
    """What is in a mask and in the file of its regions, b"" without; of one moment."""
    seen = None
    for _ in range(TRIES):
        try:
            side = regions_path(one.mask)
            content = one.mask.read_bytes(), side.read_bytes() if side.is_file() else b""
        except OSError as error:
            raise DataError(f"{one.mask}: cannot be read: {error.strerror}") from error
        entries = acceptances(one.field.state)
        accepted = entries and hashlib.sha256(content[0]).hexdigest() == entries[-1]["sha256"]
        if content == seen or (accepted and not content[1]):
            return content
        seen = content
        time.sleep(PAUSE)
    raise DataError(
        f"{one.mask}: changes all the time. Wait until the program that writes it is done, and "
        "train again."
    )


def _row(
    one: Accepted, target: Path, copy: Path, part: str, regions: Sequence[Box]
) -> Mapping[str, str]:
    """A line of the manifest; relative, so that the project can be moved."""
    return {
        "image": os.path.relpath(one.field.image, target),
        "mask": copy.as_posix(),
        "split": SPLITS[part],
        "group": one.field.group,
        "name": one.field.key.replace("/", "_"),
        "regions": format_regions(regions),
    }


def _write_manifest(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
