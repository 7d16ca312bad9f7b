"""Reads a field: its image, its labels, and what tells it from others."""

from __future__ import annotations

import hashlib

import numpy as np

from nucseg_tf.data.regions import format_regions, known_labels
from nucseg_tf.errors import LabelError
from nucseg_tf.io.any_labels import read_any_labels
from nucseg_tf.io.images import check_finite, read_image, shape_of_image
from nucseg_tf.io.labels import read_mask_stack
from nucseg_tf.types import Field


def load_field(
    field: Field,
    channel: int | str | None = None,
    z: int | str | None = None,
    invert: bool = False,
    split_binary: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Read an image and its labels.

    Args:
        field: the pair.
        channel, z, invert: see `read_image`.
        split_binary: see `read_masks`.

    Returns:
        pixels: (H, W) in the dtype of the file.
        labels: (H, W) int32, `IGNORED` where nothing is known.

    Raises:
        ImageReadError: a file cannot be read, is ambiguous, or holds NaN.
        LabelError: the mask is no label image, its shape is not that of the image, or its regions
            do not lie in it.
    """
    image = read_image(field.image, channel=channel, z=z, invert=invert)
    check_finite(image)
    labels = read_masks(field, split_binary)
    if labels.shape != image.pixels.shape:
        raise LabelError(
            f"{field.masks[0]}: shape {labels.shape} differs from {image.pixels.shape} "
            f"of its image {field.image}"
        )
    return image.pixels, labels


def read_masks(field: Field, split_binary: bool = False) -> np.ndarray:
    """The (H, W) int32 labels of a field, from one label image or one mask a nucleus.

    Outside its regions, if it has any, they are `IGNORED`; see `regions.mark_unknown`.

    Args:
        field: the pair.
        split_binary: whether each connected piece of a mask of two values is a nucleus.
    """
    return known_labels(field.masks[0], _read_all(field, split_binary), field.regions)


def _read_all(field: Field, split_binary: bool) -> np.ndarray:
    """The labels, those outside its regions, too."""
    if len(field.masks) > 1:
        return read_mask_stack(field.masks)
    return read_any_labels(field.masks[0], lambda: shape_of_image(field.image), split_binary)


def field_hash(field: Field) -> str:
    """SHA-256 over the contents of a field's files, and its regions if it has any."""
    files = (field.image, *field.masks)
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    text = "".join(digests) + format_regions(field.regions)
    return hashlib.sha256(text.encode()).hexdigest()
