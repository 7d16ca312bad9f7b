"""What the work on a field begins from: its mask, else its prelabels, else nothing."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from nucseg_tf.annotation.editor.field import AnnotationField
from nucseg_tf.annotation.editor.journal import Entry
from nucseg_tf.annotation.editor.shelf import Prelabels, sha256, sidecar_of, stamp
from nucseg_tf.data.regions import read_regions
from nucseg_tf.errors import LabelError
from nucseg_tf.io.labels import read_labels


def find_origin(field: AnnotationField) -> tuple[str, Path | None]:
    """What the work on a field begins from: its mask, else its prelabels, as in an export."""
    masks = field.masks()
    if masks:
        return "masks", masks[0]
    return ("prelabels", field.prelabels) if field.prelabels else ("empty", None)


def state_of_origin(field: AnnotationField) -> tuple[Any, ...]:
    """What differs when the labels that the work would begin from have been replaced."""
    source, path = find_origin(field)
    if path is None:
        return (source,)
    known = stamp(sidecar_of(path)) if source == "prelabels" else None
    return source, path, stamp(path), known


def read_origin(
    field: AnnotationField, shape: tuple[int, ...], model: str
) -> tuple[Entry, np.ndarray]:
    """The entry that a journal begins with, and the labels that the work begins from.

    Args:
        field: its files.
        shape: (H, W) of its image.
        model: what made prelabels that do not say so themselves.

    Raises:
        LabelError: they are of another shape, or cannot be read.
    """
    source, path = find_origin(field)
    known = field.known() if source == "prelabels" else Prelabels()
    digest, pixels = _read_whole(path, shape) if path else ("", np.zeros(shape, np.int32))
    if known.sha256 not in ("", digest):  # replaced since
        known = Prelabels()
    entry = {
        "type": "begin",
        "from": source,
        "file": path.name if path else "",
        "sha256": digest,
        "revision": int(known.sha256[:7], 16) if known.sha256 else 0,
        "model": (known.model or model) if source == "prelabels" else "",
        "suspects": [asdict(suspect) for suspect in known.suspects],
        "regions": [list(box) for box in read_regions(path)] if source == "masks" and path else [],
    }
    return entry, pixels


def _read_whole(path: Path, shape: tuple[int, ...]) -> tuple[str, np.ndarray]:
    """Hash and labels of a file, of the same one also if it is being replaced."""
    while True:
        before = stamp(path)
        digest, labels = sha256(path), read_labels_of(path, shape)
        if stamp(path) == before:
            return digest, labels


def read_labels_of(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Labels (H, W) of a file that must have this shape, that of its image; LabelError."""
    labels = read_labels(path)
    if labels.shape != shape:
        raise LabelError(
            f"{path}: must have the shape of its image, {shape}. Make it anew for this image, or "
            f"move it away. Received: {labels.shape}"
        )
    return labels
