"""Labels of any program: label images, arrays of NumPy, and outlines.

Training, scoring and benchmarks read with this, so that a file means the same to all of them.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from nucseg_tf.io.formats import other_label
from nucseg_tf.io.labelme import is_labelme, read_labelme
from nucseg_tf.io.labels import is_binary, read_labels, split_pieces
from nucseg_tf.io.shapes import read_shapes
from nucseg_tf.io.svg import read_svg

SVG = ".svg"
OUTLINES = (".geojson", ".zip", ".roi", SVG)
ARCHIVE, JSON = ".zip", ".json"  # of `OTHER_LABELS`, those whose names say nothing of labels


def has_outlines(path: Path) -> bool:
    """Whether a file has outlines, by its name; they need the size of their image."""
    return path.suffix.lower() in OUTLINES


def holds_labels(path: Path) -> bool:
    """Whether a file that is no label image holds labels all the same.

    By its name; an archive or a JSON of any name by what is in it, for others lie about, too.
    """
    ending = other_label(path)
    if ending == JSON:
        return is_labelme(path)
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
        path: a label image, .npy, .npz, .json of labelme, .svg, .geojson, .roi or a .zip of these.
        shape: gives (H, W) of the image, and is asked only for outlines.
        split_binary: whether each connected piece of a mask of two values is a nucleus.

    Raises:
        ImageReadError, LabelError, DataError: it cannot be read, or is none of these.
    """
    suffix = path.suffix.lower()
    if suffix == JSON:
        return read_labelme(path)
    if has_outlines(path):
        return read_svg(path, shape()) if suffix == SVG else read_shapes(path, shape())
    labels = read_labels(path)
    return split_pieces(labels) if split_binary and is_binary(labels) else labels
