"""Masks in colour, (H, W) pixels of red, green and blue, as labels; black is background.

Two readings are in use. Few colours keep nuclei apart that touch, as in BBBC039, and come again
elsewhere: each connected piece of a colour is a nucleus. Many colours are numbers, as in panoptic
masks of COCO: a colour is a nucleus, also where it is in several pieces. To keep neighbours apart a
handful of colours will do, so more than `FEW` that hardly come again are numbers. Where each colour
is in one piece, both readings are the same.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nucseg_tf.errors import LabelError

FEW = 24  # colours; palettes that programs go through have 20 at most
AGAIN = 1.25  # pieces to colours, up to which these hardly come again
SMALL = 4  # px, below which a piece is the blur of an edge
MOST_SMALL = (8, 0.25)  # such pieces that a mask may have: so many, or this share of all
REMEDY = "Save labels as 16-bit TIFF or PNG, one whole number per pixel and 0 for background."


def from_colours(path: Path, colours: np.ndarray, opaque: np.ndarray | None = None) -> np.ndarray:
    """Labels (H, W) of a mask in colour, 1..N.

    Of one colour alone all is label 1: a binary mask, whose pieces --split-binary tells apart.

    Args:
        path: of the file, for messages.
        colours: (H, W, 3) unsigned, 8 or 16 bits.
        opaque: (H, W); what is 0, is background, unless all is: then nobody looked at it.

    Raises:
        LabelError: there is no background, or edges are blurred, as of pictures.
    """
    from skimage.measure import label

    if colours.shape[-1] != 3 or colours.dtype.kind != "u" or colours.dtype.itemsize > 2:
        raise LabelError(
            f"{path}: is a colour image of {colours.shape[-1]} samples, {colours.dtype}; colours "
            f"of masks are red, green and blue of 8 or 16 bits. {REMEDY}"
        )
    numbers = np.zeros(colours.shape[:2], np.int64)
    for sample in range(3):
        numbers <<= 16
        numbers += colours[..., sample]
    if opaque is not None and opaque.any():
        numbers[opaque == 0] = 0
    values, index = np.unique(numbers, return_inverse=True)
    index, count = index.reshape(numbers.shape), len(values) - 1
    if values[0] != 0:
        raise LabelError(f"{path}: is a colour image without black, the background. {REMEDY}")
    if count <= 1:
        return index
    pieces = label(index, background=0, connectivity=2)
    areas = np.bincount(pieces.ravel())[1:]
    least, share = MOST_SMALL
    small = int((areas < SMALL).sum())
    if small > max(least, share * len(areas)):
        raise LabelError(
            f"{path}: is a colour image, but no mask: {small:,} of {len(areas):,} pieces of equal "
            f"colour are smaller than {SMALL} px. Are edges blurred, or is it a picture? {REMEDY}"
        )
    return index if count > FEW and len(areas) <= AGAIN * count else pieces
