"""Regions of a field that are finished; of the rest nothing is known, which is not background.

They stand in a file beside the mask, called like it: of masks/a.tif in masks/a.regions.json, of
a_masks.tif in a_masks.regions.json, of a.ome.tif in a.regions.json. Its content is
{"boxes": [[y0, x0, y1, x1], ...]}, px, half-open; boxes may overlap. Without the file all of the
mask is finished. A CSV manifest may say the same in its column `regions`, as
"y0:x0:y1:x1 y0:x0:y1:x1".

H rows, W columns.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nucseg_tf.errors import DataError, LabelError, OutputError
from nucseg_tf.io.any_labels import read_any_labels
from nucseg_tf.io.boxes import slices
from nucseg_tf.io.documents import from_json
from nucseg_tf.io.files import atomic_path
from nucseg_tf.io.labels import read_labels
from nucseg_tf.io.names import stem_of
from nucseg_tf.types import IGNORED, Box

ENDING = ".regions.json"
EXPECTED = 'expected {"boxes": [[y0, x0, y1, x1], ...]}, whole px with 0 <= y0 < y1, 0 <= x0 < x1'


def regions_path(mask: Path) -> Path:
    """The file with the regions of a mask, whether it exists or not.

    >>> regions_path(Path("masks/a.ome.tif")).as_posix()
    'masks/a.regions.json'
    """
    return mask.with_name(f"{stem_of(mask)}{ENDING}")


def read_regions(mask: Path) -> tuple[Box, ...]:
    """The regions of a mask that are finished; empty where there is no file, for then all is.

    Raises:
        DataError: the file beside the mask holds no regions; the message names it.
    """
    path = regions_path(mask)
    if not path.is_file():
        return ()
    try:
        boxes = from_json(path.read_text(encoding="utf-8"))["boxes"]
        return check_boxes(boxes)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path}: {EXPECTED}. Mend it, or remove it if all of {mask.name} is finished. "
            f"Received: {error}"
        ) from error


def write_regions(mask: Path, boxes: Iterable[Sequence[int]]) -> None:
    """Write which regions of a mask are finished, whole or not at all.

    Whoever writes a mask with regions writes these first, and of a finished mask removes them
    last: so a crash in between leaves too little known, never too much.

    Args:
        mask: the label image; need not exist yet.
        boxes: its regions; without any, all is finished, and the file is removed.

    Raises:
        ValueError: a box is empty, begins before 0, or is not of whole numbers.
        OutputError: the file cannot be written or removed.
    """
    path, boxes = regions_path(mask), [list(box) for box in boxes]
    if boxes:
        content = {"boxes": check_boxes(boxes)}
        with atomic_path(path, synced=True) as temporary:
            temporary.write_text(json.dumps(content) + "\n", encoding="utf-8")
        return
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot be removed: {error.strerror}") from error


def parse_regions(text: str) -> tuple[Box, ...]:
    """Regions as a manifest has them.

    Raises:
        ValueError: the text is something else.

    >>> parse_regions("0:0:64:64 10:100:90:200")
    ((0, 0, 64, 64), (10, 100, 90, 200))
    """
    boxes = [[int(number) for number in box.split(":")] for box in text.split()]
    return check_boxes(boxes) if boxes else ()


def format_regions(boxes: Iterable[Box]) -> str:
    """Regions as a manifest has them; the inverse of `parse_regions`."""
    return " ".join(":".join(map(str, box)) for box in boxes)


def check_boxes(boxes: Any) -> tuple[Box, ...]:
    """Boxes as they are kept.

    Raises:
        ValueError: there are none, or one is no box.
    """
    if not isinstance(boxes, list) or not boxes:
        raise ValueError(f"no list of boxes: {boxes!r}")
    for box in boxes:
        if not isinstance(box, list) or len(box) != 4 or {*map(type, box)} != {int}:
            raise ValueError(f"not four whole numbers: {box!r}")
        y0, x0, y1, x1 = box
        if not (0 <= y0 < y1 and 0 <= x0 < x1):
            raise ValueError(f"an empty box, or one that begins before 0: {box!r}")
    return tuple((box[0], box[1], box[2], box[3]) for box in boxes)


def mark_unknown(labels: np.ndarray, boxes: Sequence[Box]) -> np.ndarray:
    """Take out of a mask what is not finished.

    A nucleus with more than half of its pixels in the boxes is known whole, with those outside too;
    any other is unknown whole, with those inside too. So none is cut. Background is known inside.

    Args:
        labels: (H, W) integer, 0 background.
        boxes: finished regions; without any, all is known.

    Returns:
        (H, W) int32, `IGNORED` where nothing is known.

    Raises:
        LabelError: a box reaches over the edge, or nothing is known of what lies in the boxes.
    """
    labels = labels.astype(np.int32, copy=False)
    if not boxes:
        return labels
    finished = np.zeros(labels.shape, bool)
    for box in boxes:
        if box[2] > labels.shape[0] or box[3] > labels.shape[1]:
            raise LabelError(f"region {list(box)} reaches over the edge of {labels.shape}")
        finished[slices(box)] = True
    values, index = np.unique(labels, return_inverse=True)
    index = index.reshape(labels.shape)
    inside = np.bincount(index[finished], minlength=len(values))
    known = (2 * inside > np.bincount(index.ravel()))[index]
    known = np.where(labels == 0, finished, known)
    if not known.any():
        raise LabelError("nothing in its regions is known: all nuclei there lie mostly outside")
    return np.where(known, labels, np.int32(IGNORED))


def known_labels(mask: Path, labels: np.ndarray, boxes: Sequence[Box]) -> np.ndarray:
    """Do what `mark_unknown` does; errors name the mask."""
    try:
        return mark_unknown(labels, boxes)
    except LabelError as error:
        raise LabelError(
            f"{mask}: {error}. Mend its regions in {regions_path(mask).name} or in the manifest"
        ) from error


def read_known_labels(
    mask: Path,
    shape: Callable[[], tuple[int, int]] | None = None,
    split_binary: bool = False,
) -> np.ndarray:
    """Labels, `IGNORED` outside the regions that stand beside them; (H, W) int32.

    Args:
        mask: as of `read_any_labels`; a label image where `shape` is left out.
        shape, split_binary: as of `read_any_labels`.

    Raises:
        DataError: the mask or its regions cannot be used.
    """
    labels = read_any_labels(mask, shape, split_binary) if shape else read_labels(mask)
    return known_labels(mask, labels, read_regions(mask))
