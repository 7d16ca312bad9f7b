"""Labels of any program: label images, Cellpose's _seg.npy, and outlines.

Training, scoring and benchmarks read with this, so that a file means the same to all of them.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from nucseg_tf.io.formats import other_label
from nucseg_tf.io.labels import is_binary, read_labels, split_pieces
from nucseg_tf.io.shapes import read_shapes

OUTLINES = (".geojson", ".zip", ".roi")
ARCHIVE = ".zip"  # the only one of `OTHER_LABELS` whose name says nothing of labels


def has_outlines(path: Path) -> bool:
    """Whether a file has outlines, by its name; they need the size of their image."""
    return path.suffix.lower() in OUTLINES


def holds_labels(path: Path) -> bool:
    """Whether a file that is no label image holds labels all the same.

    By its name; an archive of any name by what is in it, for others lie about, too.
    """
    ending = other_label(path)
    if ending != ARCHIVE:
        return ending is not None
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.lower().endswith(".roi") for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def read_any_labels(
    path: Path, shape: Callable[[], tuple[int, int]], split_binary: bool = False
) -> np.ndarray:
    """Labels (H, W) int32, 0 background.

    Args:
        path: a label image, _seg.npy, .geojson, .roi or a .zip of these.
        shape: gives (H, W) of the image, and is asked only for outlines.
        split_binary: whether each connected piece of a mask of two values is a nucleus.

    Raises:
        ImageReadError, LabelError, DataError: it cannot be read, or is none of these.
    """
    if has_outlines(path):
        return read_shapes(path, shape())
    labels = read_labels(path)
    return split_pieces(labels) if split_binary and is_binary(labels) else labels
