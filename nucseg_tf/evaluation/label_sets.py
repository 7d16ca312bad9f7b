"""Label images of an entry of a benchmark, whatever made them: found and read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from nucseg_tf.errors import DataError, LabelError
from nucseg_tf.evaluation.entries import Run
from nucseg_tf.evaluation.pairs import PRED_ENDINGS, label_files
from nucseg_tf.io.any_labels import read_any_labels
from nucseg_tf.io.formats import label_suffixes
from nucseg_tf.io.names import stem_of
from nucseg_tf.types import Field

Labels = Mapping[str, Path | str]  # by name of the image: its label image, or why there is none


def find_labels(run: Run, fields: Sequence[Field]) -> Labels:
    """Find the label image of each field.

    Args:
        run: of kind "labels".
        fields: of the benchmark.

    Returns:
        FOLDER/GROUP/STEM_labels.tif or FOLDER/NAME_labels.tif, also without _labels, with other
        suffixes and of other programs, or why there is none, by name of the field. GROUP is the
        folder of the image in images/, which a table of groups does not change, or else the group
        of the field.

    Raises:
        DataError: there is none of any field, no folder, or two files that claim the same image.
    """
    folder = Path(run.source)
    files = label_files(folder, PRED_ENDINGS)
    for group in {group for field in fields for group in _folders(field)}:
        if (folder / group).is_dir():
            inside = label_files(folder / group, PRED_ENDINGS)
            files |= {f"{group}/{name}": path for name, path in inside.items()}
    found: dict[str, Path | str] = {}
    for field in fields:
        stem = stem_of(field.image)
        places = [*(f"{group}/{stem}" for group in _folders(field)), field.name]
        file = next((files[place] for place in places if place in files), None)
        found[field.name] = file or (
            f"{folder}: no label image {field.name}_labels.tif or "
            f"{field.name}{', '.join(label_suffixes())}; all its nuclei count as missed"
        )
    if all(isinstance(file, str) for file in found.values()):
        raise DataError(
            f"{folder}: has a label image of none of {len(fields)} images; expected "
            f"{fields[0].name}_labels.tif and so on"
        )
    return found


def read_prediction(
    file: Path | str, field: Field, truth: np.ndarray, split_binary: bool = False
) -> tuple[np.ndarray, str]:
    """Read labels.

    Args:
        file: their path, or why there are none.
        field: the image that they belong to.
        truth: (H, W) labels of its masks.
        split_binary: whether each connected piece of a mask of two values is a nucleus.

    Returns:
        (H, W) labels, and an empty text; or zeros, and why they cannot be used.
    """
    shape = (truth.shape[0], truth.shape[1])
    if isinstance(file, str):
        return np.zeros(shape, np.int32), file
    try:
        prediction = read_any_labels(file, lambda: shape, split_binary)
        if prediction.shape != shape:
            raise LabelError(
                f"{file}: shape {prediction.shape} differs from {shape} of its truth "
                f"{field.masks[0]}; predict at the size of the image"
            )
    except DataError as error:
        return np.zeros(shape, np.int32), str(error)
    return prediction, ""


def _folders(field: Field) -> list[str]:
    """Folders of groups in which the label image of a field may be."""
    folder = field.image.parent
    return [*([folder.name] if folder.parent.name == "images" else []), field.group]
