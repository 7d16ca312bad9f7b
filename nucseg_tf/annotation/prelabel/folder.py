"""Prelabels of all images of a folder.

    DIR/images/[GROUP/]STEM.ext  or a flat folder DIR/STEM.ext
    OUT/[GROUP/]STEM_labels.tif, OUT/objects.csv, OUT/failures.csv

Nothing of DIR is changed: OUT must be a folder of its own. Prelabels are derived, so a second run
overwrites the first.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from nucseg_tf.annotation.prelabel import suspects
from nucseg_tf.annotation.prelabel.image import CLASSICAL, Settings, label
from nucseg_tf.data.manifest import MASK_ENDINGS
from nucseg_tf.errors import NucsegError, UsageError
from nucseg_tf.io.files import atomic_path, ensure_folder
from nucseg_tf.io.formats import result_endings
from nucseg_tf.io.images import check_finite, images_in, read_image
from nucseg_tf.io.labels import write_labels
from nucseg_tf.types import Image

if TYPE_CHECKING:
    from nucseg_tf.inference.predict import Segmenter

LOG = logging.getLogger(__name__)
NOT_OURS = ("images", "masks", "annotation")  # folders of DIR that belong to somebody else


@dataclass
class Outcome:
    """What became of the images.

    Attributes:
        done: an entry an image: name, shape, nuclei, seconds.
        failures: (path, reason) of the images that could not be done.
        left_out: images not tried, because the run was stopped.
        suspects: how many of the nuclei are suspects.
    """

    done: list[dict[str, Any]] = field(default_factory=list)
    failures: list[tuple[Path, str]] = field(default_factory=list)
    left_out: list[Path] = field(default_factory=list)
    suspects: int = 0


def prelabel_folder(
    folder: Path,
    out: Path,
    method: str | Segmenter,
    settings: Settings,
    progress: Callable[[int, int, str], bool] = lambda done, total, name: True,
) -> Outcome:
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
    for name in ("objects.csv", "failures.csv", "run.json"):
        (out / name).unlink(missing_ok=True)  # of labels that now change
    outcome, tables = Outcome(), []
    try:
        for number, (group, file) in enumerate(images, start=1):
            table = _prelabel_file(file, group, out, method, settings, outcome)
            if table is not None:
                tables.append(table)
            if not progress(number, len(images), file.name):
                outcome.left_out = [path for _, path in images[number:]]
                break
    finally:  # also on Ctrl-C: labels without a table would be of little use
        outcome.suspects = _write_tables(out, tables, outcome.failures)
    return outcome


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
        other = seen.setdefault((group.lower(), file.stem.lower()), file)
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
    stem = file.stem.removesuffix(".ome")
    return stem.endswith(MASK_ENDINGS) or file.name.lower().endswith(result_endings())


def _prelabel_file(
    file: Path,
    group: str,
    out: Path,
    method: str | Segmenter,
    settings: Settings,
    outcome: Outcome,
) -> pd.DataFrame | None:
    """Label a file, write its labels, and note in `outcome` how that went."""
    began = time.perf_counter()
    target = out / group / f"{file.stem}_labels.tif"
    try:
        image = read_image(file, settings.channel, settings.z, settings.pixel_size)
        check_finite(image)
        labels, table = _label_file(image, method, settings)
        target.parent.mkdir(exist_ok=True)
        write_labels(target, labels, pixel_size=image.pixel_size)
    except Exception as error:  # whatever is wrong with one image, the others are done
        reason = str(error) if isinstance(error, NucsegError) else repr(error)
        LOG.error("%s", reason if str(file) in reason else f"{file}: {reason}")
        LOG.debug("", exc_info=error)
        target.unlink(missing_ok=True)  # of an earlier run
        outcome.failures.append((file, reason))
        return None
    name = f"{group}/{file.name}" if group else file.name
    table.insert(0, "image", name)
    height, width = labels.shape
    seconds = round(time.perf_counter() - began, 3)
    entry = {"image": name, "height": height, "width": width, "nuclei": len(table)}
    outcome.done.append(entry | {"seconds": seconds})
    return table


def _check_options(segmenter: Segmenter, settings: Settings) -> None:
    """Refuse what makes no sense for a model before any image is read; UsageError."""
    from nucseg_tf.inference.predict import Options

    size, diameter = settings.pixel_size, settings.diameter
    segmenter.check(Options(pixel_size=size, diameter=diameter, tile=settings.tile))


def _label_file(
    image: Image, method: str | Segmenter, settings: Settings
) -> tuple[np.ndarray, pd.DataFrame]:
    found = label(image.pixels, method, replace(settings, pixel_size=image.pixel_size))
    if not len(found[1]):
        LOG.warning("%s: no nucleus found", image.path)
    return found


def _write_tables(
    out: Path, tables: Sequence[pd.DataFrame], failures: Sequence[tuple[Path, str]]
) -> int:
    """Write objects.csv, and failures.csv if need be; gives the number of suspects."""
    filled = [table for table in tables if len(table)]
    if not filled:
        _, empty = label(np.zeros((1, 1), np.uint8), CLASSICAL, Settings())
        empty.insert(0, "image", "")
        filled = [empty]
    marked = suspects.mark(pd.concat(filled, ignore_index=True))
    with atomic_path(out / "objects.csv") as temporary:
        marked.to_csv(temporary, index=False, float_format="%.9g")
    if failures:
        rows = pd.DataFrame([(str(path), reason) for path, reason in failures])
        with atomic_path(out / "failures.csv") as temporary:
            rows.to_csv(temporary, index=False, header=["image", "reason"])
    return int(marked["suspect"].sum())
