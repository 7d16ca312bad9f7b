"""Accepted labels, where training finds them, and the regions that they are known in."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nucseg_tf.annotation.editor.field import AnnotationField
from nucseg_tf.annotation.editor.journal import sync_file, sync_folder
from nucseg_tf.data.regions import regions_path, write_regions
from nucseg_tf.errors import OutputError
from nucseg_tf.io.files import atomic_path, ensure_folder
from nucseg_tf.io.labels import write_labels

EARLIER = "earlier_masks"


def write_mask(
    field: AnnotationField,
    labels: np.ndarray,
    pixel_size: float | None,
    ours: bool,
    regions: Sequence[Sequence[int]] = (),
) -> list[Path]:
    """Write the labels of a field as its only mask, whole or not at all.

    Masks that were there before and are not from here go to STATE/earlier_masks: training would
    refuse an image with two. At no time, also if the process is killed, more is taken as known than
    was corrected: regions are there before a mask that is known in them alone, and go after one
    that is known as a whole has come; where there were other regions, their mask goes first.

    Args:
        field: its files.
        labels: (H, W) int32.
        pixel_size: of the image in µm, or None.
        ours: whether the mask that is there is the one written here last.
        regions: boxes in which the labels are finished; none: everywhere.

    Returns:
        The earlier masks that were put away.

    Raises:
        OutputError: a file cannot be written.
    """
    earlier = [path for path in field.masks() if path != field.mask or not ours]
    kept = []
    try:
        for path in earlier:
            kept.append(keep_mask(path, field.state))
        ensure_folder(field.mask.parent)
        if regions:
            _write_regions_first(field.mask, regions)
        write_labels(field.mask, labels, pixel_size)
        sync_file(field.mask)
        if not regions:
            write_regions(field.mask, ())
        for path in earlier:
            if path != field.mask:
                _remove(path)
    except OSError as error:
        raise OutputError(
            f"{field.mask}: cannot be written: {error.strerror}. Make space, and accept the field "
            "again."
        ) from error
    return kept


def _write_regions_first(mask: Path, regions: Sequence[Sequence[int]]) -> None:
    if regions_path(mask).exists():
        mask.unlink(missing_ok=True)
        sync_folder(mask.parent)
    write_regions(mask, regions)
    sync_file(regions_path(mask))


def keep_mask(path: Path, state: Path) -> Path:
    """Copy a mask that is about to be replaced to STATE/earlier_masks; it is on disk afterwards.

    Args:
        path: of the mask.
        state: folder of the work on its field.

    Returns:
        The copy; numbered where that name is taken by an earlier one. Its regions are beside it.

    Raises:
        OutputError: it cannot be written.
    """
    folder = ensure_folder(state / EARLIER)
    names = (f"{path.stem}{f'-{n}' if n else ''}{path.suffix}" for n in itertools.count())
    target = next(folder / name for name in names if not (folder / name).exists())
    pairs = [(regions_path(path), regions_path(target)), (path, target)]
    for source, copy in pairs if pairs[0][0].is_file() else pairs[1:]:
        with atomic_path(copy) as temporary:
            shutil.copy2(source, temporary)
        sync_file(copy)
    return target


def put_away(field: AnnotationField) -> list[list[str]]:
    """Move the masks of a field to STATE/earlier_masks.

    Returns:
        Name of each, and of its copy.

    Raises:
        OutputError: one cannot be moved.
    """
    moved = []
    try:
        for path in field.masks():
            moved.append([path.name, keep_mask(path, field.state).name])
            _remove(path)
    except OSError as error:
        raise OutputError(f"{field.mask}: cannot be put away: {error.strerror}") from error
    return moved


def bring_back(field: AnnotationField, moved: Sequence[Sequence[str]]) -> None:
    """Copy masks back that `put_away` moved, unless there are others by now.

    Raises:
        OutputError: one cannot be copied.
    """
    if field.masks():
        return
    for name, copy in moved:
        source = field.state / EARLIER / copy
        target = next((path for path in field.paired if path.name == name), None)
        if target is None or not source.is_file():
            continue
        if regions_path(source).is_file():
            with atomic_path(regions_path(target)) as temporary:
                shutil.copy2(regions_path(source), temporary)
            sync_file(regions_path(target))
        with atomic_path(target) as temporary:
            shutil.copy2(source, temporary)
        sync_file(target)


def _remove(mask: Path) -> None:
    """Remove a mask, and then its regions."""
    mask.unlink()
    sync_folder(mask.parent)
    regions_path(mask).unlink(missing_ok=True)
