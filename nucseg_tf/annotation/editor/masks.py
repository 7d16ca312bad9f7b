"""Accepted labels, where training finds them."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import numpy as np

from nucseg_tf.annotation.editor.journal import sync_file
from nucseg_tf.annotation.editor.project import AnnotationField
from nucseg_tf.errors import OutputError
from nucseg_tf.io.files import atomic_path, ensure_folder
from nucseg_tf.io.labels import write_labels

EARLIER = "earlier_masks"


def write_mask(
    field: AnnotationField, labels: np.ndarray, pixel_size: float | None, ours: bool
) -> list[Path]:
    """Write the labels of a field as its only mask, whole or not at all.

    Masks that were there before and are not from here go to STATE/earlier_masks: training would
    refuse an image with two.

    Args:
        field: its files.
        labels: (H, W) int32.
        pixel_size: of the image in µm, or None.
        ours: whether the mask that is there is the one written here last.

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
        write_labels(field.mask, labels, pixel_size)
        sync_file(field.mask)
        for path in earlier:
            if path != field.mask:
                path.unlink()
    except OSError as error:
        raise OutputError(
            f"{field.mask}: cannot be written: {error.strerror}. Make space, and accept the field "
            "again."
        ) from error
    return kept


def keep_mask(path: Path, state: Path) -> Path:
    """Copy a mask that is about to be replaced to STATE/earlier_masks; it is on disk afterwards.

    Args:
        path: of the mask.
        state: folder of the work on its field.

    Returns:
        The copy; numbered where that name is taken by an earlier one.

    Raises:
        OutputError: it cannot be written.
    """
    folder = ensure_folder(state / EARLIER)
    names = (f"{path.stem}{f'-{n}' if n else ''}{path.suffix}" for n in itertools.count())
    target = next(folder / name for name in names if not (folder / name).exists())
    with atomic_path(target) as temporary:
        shutil.copy2(path, temporary)
    sync_file(target)
    return target
