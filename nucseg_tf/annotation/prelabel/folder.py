"""Prelabels of all images of a folder.

    DIR/images/[GROUP/]STEM.ext  or a flat folder DIR/STEM.ext
    OUT/[GROUP/]STEM_labels.tif, OUT/objects.csv, OUT/failures.csv

Nothing of DIR is changed: OUT must be a folder of its own. Prelabels are derived, so a second run
overwrites the first.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from nucseg_tf.annotation.editor.names import is_text
from nucseg_tf.annotation.editor.shelf import sidecar_of
from nucseg_tf.annotation.prelabel import suspects
from nucseg_tf.annotation.prelabel.image import CLASSICAL, Settings, label
from nucseg_tf.data.layouts import MASK_ENDINGS
from nucseg_tf.errors import ImageReadError, UsageError
from nucseg_tf.inference.options import Options
from nucseg_tf.inference.runner import Outcome, Stage, run
from nucseg_tf.inference.stages.read import Read
from nucseg_tf.inference.stages.values import Written
from nucseg_tf.io.choices import refuse_if_no_image_has
from nucseg_tf.io.files import atomic_path, ensure_folder, remove_temporaries
from nucseg_tf.io.formats import result_endings
from nucseg_tf.io.images import images_in
from nucseg_tf.io.labels import write_labels
from nucseg_tf.io.names import folded, stem_of
from nucseg_tf.io.tables import without_formulas, write_failures
from nucseg_tf.types import Image

if TYPE_CHECKING:
    from nucseg_tf.inference.segmenter import Segmenter

LOG = logging.getLogger(__name__)
TABLES = ("objects.csv", "failures.csv", "run.json")
NOT_OURS = ("images", "masks", "annotation")  # folders of DIR that belong to somebody else


@dataclass
class Prelabelled(Outcome):
    """What became of the images; `suspects` is how many of the nuclei are suspects."""

    suspects: int = 0


def prelabel_folder(
    folder: Path,
    out: Path,
    method: str | Segmenter,
    settings: Settings,
    progress: Callable[[int, int, str], bool] = lambda done, total, name: True,
) -> Prelabelled:
    """Label every image of a folder; see the module docstring.

    Args:
        folder: of images/, or of images.
        out: folder for the results, made if need be.
        method: "classical" or a loaded model.
        settings: how to read and label.
        progress: called after each image with its number, the count and its name; says whether to
            go on.

    Raises:
        UsageError: if there are no images, two of the same stem, or `out` is not a folder of its
            own.
        ChoiceError: if no image has the channel or plane asked for; earlier results stay.
        OutputError: if `out` cannot be written.
    """
    images = find_images(folder)
    check_out(folder, out)
    if not isinstance(method, str):
        _check_options(method, settings)
    elif settings.tile is not None:
        raise UsageError(
            f"--tile is of models, not of the classical method. Received: {settings.tile}"
        )
    ensure_folder(out)
    for group in {group for group, _ in images}:
        remove_temporaries(out / group)
    outcome, tables, gone = Prelabelled(), list[pd.DataFrame](), list[Path]()
    groups = {file: group for group, file in images}
    options = Options(settings.channel, settings.z, settings.pixel_size, invert=settings.invert)
    stages: list[Stage] = [Read(options)]
    stages += [_Label(method, settings, out, groups)]
    try:
        for number, way in enumerate(run(groups, stages), start=1):
            name = "/".join(filter(None, (groups[way.item], way.item.name)))
            outcome.note(way, name)
            if way.error:
                gone.append(_target(out, groups[way.item], way.item))
            else:
                way.value.table.insert(0, "image", name)
                tables.append(way.value.table)
            if not progress(number, len(images), way.item.name):
                outcome.left_out = [path for _, path in images[number:]]
                break
    except BaseException:  # also on Ctrl-C: labels without a table would be of little use
        _end(out, outcome, tables, gone)
        raise
    refuse_if_no_image_has(outcome.errors, len(outcome.done))
    _end(out, outcome, tables, gone)
    return outcome


def _end(
    out: Path, outcome: Prelabelled, tables: Sequence[pd.DataFrame], gone: Sequence[Path]
) -> None:
    """Write the tables; what an earlier run left of images that failed now goes."""
    for labels in gone:
        _remove(labels)
    (out / "run.json").unlink(missing_ok=True)
    outcome.suspects = _write_objects(out, tables)
    write_failures(out, outcome.failures)


def find_images(folder: Path) -> list[tuple[str, Path]]:
    """Group ("" without) and path of each image of a folder, sorted.

    Raises:
        UsageError: there are none, or two whose results would overwrite each other's.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder; expected one of images")
    root = folder / "images"
    if root.is_dir():
        groups = sorted(s.name for s in root.iterdir() if s.is_dir() and s.name[0] != ".")
        found = [(group, file) for group in ("", *groups) for file in images_in(root / group)]
    else:
        found = [("", file) for file in images_in(folder) if not _is_result(file)]
    if not found:
        raise UsageError(
            f"{folder}: no images; expected images/STEM.ext, images/GROUP/STEM.ext or STEM.ext"
        )
    seen: dict[tuple[str, str], Path] = {}
    for group, file in found:
        other = seen.setdefault((folded(group), folded(file.stem)), file)
        if other != file:
            raise UsageError(
                f"{other} and {file} have the same stem, so their results would overwrite each "
                "other. Rename one of them."
            )
    return found


def check_out(folder: Path, out: Path) -> None:
    """Refuse to write where images or the annotator's own work may lie; UsageError."""
    home, target = folder.resolve(), out.resolve()
    taken = [home / name for name in NOT_OURS]
    if target == home or any(path in (target, *target.parents) for path in taken):
        raise UsageError(
            f"--out: expected a folder of its own, such as {folder / 'prelabels'}. Received: {out}."
        )


def _is_result(file: Path) -> bool:
    stem = stem_of(file)
    return stem.endswith(MASK_ENDINGS) or file.name.lower().endswith(result_endings())


def _target(out: Path, group: str, file: Path) -> Path:
    return out / group / f"{file.stem}_labels.tif"


def _remove(labels: Path) -> None:
    labels.unlink(missing_ok=True)
    sidecar_of(labels).unlink(missing_ok=True)


@dataclass(frozen=True)
class _Label:
    """The stage that labels an image and writes its labels.

    Attributes:
        method, settings, out: see `prelabel_folder`.
        groups: of the files.
    """

    method: str | Segmenter
    settings: Settings
    out: Path
    groups: Mapping[Path, str]

    def __call__(self, image: Image) -> Written:
        """Gives the table without `image`."""
        if not is_text(image.path.name):
            raise ImageReadError(f"{str(image.path)!a}: its name is no UTF-8; rename it")
        settings = replace(self.settings, pixel_size=image.pixel_size)
        labels, table = label(image.pixels, self.method, settings)
        for name in TABLES:  # of labels that change now
            (self.out / name).unlink(missing_ok=True)
        if not len(table):
            LOG.warning("%s: no nucleus found", image.path)
        target = _target(self.out, self.groups[image.path], image.path)
        target.parent.mkdir(exist_ok=True)
        sidecar_of(target).unlink(
            missing_ok=True
        )  # it is of other labels, and objects.csv of these
        write_labels(target, labels, pixel_size=image.pixel_size)
        return Written(labels.shape, table)


def _check_options(segmenter: Segmenter, settings: Settings) -> None:
    """Refuse what makes no sense for a model before any image is read; UsageError."""
    size, diameter = settings.pixel_size, settings.diameter
    segmenter.check(Options(pixel_size=size, diameter=diameter, tile=settings.tile))


def _write_objects(out: Path, tables: Sequence[pd.DataFrame]) -> int:
    """Write objects.csv; gives the number of suspects."""
    filled = [table for table in tables if len(table)]
    if not filled:
        _, empty = label(np.zeros((1, 1), np.uint8), CLASSICAL, Settings())
        empty.insert(0, "image", "")
        filled = [empty]
    marked = suspects.mark(pd.concat(filled, ignore_index=True))
    with atomic_path(out / "objects.csv") as temporary:
        without_formulas(marked).to_csv(temporary, index=False, float_format="%.9g")
    return int(marked["suspect"].sum())
