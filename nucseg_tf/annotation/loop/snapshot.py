"""What a version trains on: copies of the accepted masks, made whole before the training begins.

Corrections go on while a version trains; its snapshot stays as it was:

    DIR/loop/v1/masks/GROUP/STEM.tif    copies
    DIR/loop/v1/images/GROUP/STEM.tif   the planes that were chosen, of images with several, or
                                        with dark nuclei, of which they are negatives
    DIR/loop/v1/fields.csv              a manifest, with regions
    DIR/loop/v1/config.yaml             all settings of the training

The folder of a version appears with all of this in it, or not at all.
"""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np

from nucseg_tf.annotation.editor.history import now
from nucseg_tf.annotation.editor.planes import PlaneChoice
from nucseg_tf.annotation.loop import parts, versions
from nucseg_tf.annotation.loop.accepted import Accepted
from nucseg_tf.annotation.loop.copies import copy_mask, copy_plane
from nucseg_tf.annotation.loop.versions import FieldUse, Version
from nucseg_tf.config import Config
from nucseg_tf.data.manifest import find_fields
from nucseg_tf.data.regions import format_regions, known_labels
from nucseg_tf.errors import DataError
from nucseg_tf.io.cells import as_cell
from nucseg_tf.io.files import ensure_folder, unwritable
from nucseg_tf.io.labels import read_labels
from nucseg_tf.schema import to_yaml
from nucseg_tf.types import Box, Field

MANIFEST, CONFIG = "fields.csv", "config.yaml"
SPLITS = {parts.TRAIN: "train", parts.LEFT_OUT: "val"}


def take(
    folder: Path,
    accepted: Sequence[Accepted],
    assigned: Mapping[str, str],
    choice: PlaneChoice,
    config: Config,
    base: str,
    settings: Sequence[str],
) -> Version:
    """Begin a version: copy what it trains on, and write it down.

    Args:
        folder: of the project.
        accepted: fields, in the order of their first acceptance.
        assigned: their parts, from `parts.assign`.
        choice: of the project; where nothing is chosen, images stay where they are.
        config: of the training; its name is that of the version.
        base: where the first weights come from.
        settings: what was given beside the recipe.

    Raises:
        UsageError: a single field has too few nuclei.
        DataError: a mask cannot be read, or does not stay as it is.
        OutputError: the copies cannot be written; nothing is left of them.
    """
    target = versions.home(folder, config.name)
    uses: list[FieldUse] = []
    rows: list[Mapping[str, str]] = []
    with _whole(target) as draft:
        for one in accepted:
            copy, digest, boxes = copy_mask(one, draft / "masks")
            image = one.field.image
            if choice.said():
                image = target / copy_plane(one, choice, draft / "images").relative_to(draft)
            labels = read_labels(copy)
            regions_of = {assigned[one.field.key]: boxes}
            if len(accepted) == 1:
                known = known_labels(one.mask, labels, boxes)
                regions_of = parts.divide(known, boxes, one.field.key)
            for part, regions in regions_of.items():
                counted = known_labels(one.mask, labels, regions)
                nuclei = len(np.unique(counted[counted > 0]))
                uses.append(FieldUse(one.field.key, part, nuclei, digest, regions))
                rows.append(
                    _row(one, image, target / copy.relative_to(draft), part, regions, target)
                )
        _write_manifest(draft / MANIFEST, rows)
        (draft / CONFIG).write_text(to_yaml(config), encoding="utf-8")
        version = Version(
            config.name, "training", base, tuple(settings), tuple(uses), started=now()
        )
        versions.write_json(draft / versions.VERSION, asdict(version))
    return version


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """Yield a folder which takes the place of `target` once the block has succeeded."""
    draft = target.with_name(versions.DRAFT.format(target.name))
    shutil.rmtree(draft, ignore_errors=True)
    ensure_folder(draft)
    try:
        yield draft
        draft.rename(target)
    except OSError as error:
        raise unwritable(target, error) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


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


def _row(
    one: Accepted, image: Path, mask: Path, part: str, regions: Sequence[Box], home: Path
) -> Mapping[str, str]:
    """A line of the manifest in `home`; relative, so that the project can be moved."""
    return {
        "image": os.path.relpath(image, home),
        "mask": os.path.relpath(mask, home),
        "split": SPLITS[part],
        "group": one.field.group,
        "name": one.field.key.replace("/", "_"),
        "regions": format_regions(regions),
    }


def _write_manifest(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({key: as_cell(text) for key, text in row.items()} for row in rows)
