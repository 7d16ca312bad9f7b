"""Labels of a field by other models, to look at beside its own; by no edit do they change.

    before   of the model before
    model    of the model in use, also of a field whose labels are its own

H rows, W columns.
"""

from __future__ import annotations

import numpy as np

from nucseg_tf.annotation.editor.field import AnnotationField
from nucseg_tf.annotation.editor.shelf import BEFORE, MODEL, beside
from nucseg_tf.errors import DataError
from nucseg_tf.io.labels import read_labels

KINDS = {"before": "the model before", "model": "the model in use"}


class NoLabelsError(DataError):
    """A field without labels by another model."""


def read_others(field: AnnotationField, of: str, shape: tuple[int, ...]) -> np.ndarray:
    """Labels (H, W) of a field by another model.

    Args:
        field: its files.
        of: one of KINDS.
        shape: (H, W) of its image.

    Raises:
        NoLabelsError: there are none, or they are of another image.
        LabelError: they cannot be read.
    """
    if of not in KINDS:
        raise NoLabelsError(f"expected {' or '.join(KINDS)}. Received: {of[:20]!r}")
    if of == "model" and not field.has_work:
        path = field.target
    else:
        path = beside(field.target, BEFORE if of == "before" else MODEL)
    if not path.is_file():
        raise NoLabelsError(f"There are no labels of {KINDS[of]} for this field")
    labels = read_labels(path)
    if labels.shape != shape:
        raise NoLabelsError(
            f"{path}: is not of this image, {shape}. Label the field anew. Received: {labels.shape}"
        )
    return labels


def made_by(field: AnnotationField, of: str) -> str:
    """The model that made the labels of `read_others`, "" where nothing says."""
    if of == "model" and field.has_work:
        known = field.shelf.look(field.key, beside(field.target, MODEL)).record
        return known["model"] if known else ""
    known = field.known().record or {}
    return str(known.get("before" if of == "before" else "model", ""))
