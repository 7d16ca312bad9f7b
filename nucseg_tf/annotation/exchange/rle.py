"""COCO's run lengths (RLE): of 0, 1, 0, ... down the columns of an image.

Source of the compressed form: rleFrString in common/maskApi.c of github.com/cocodataset/cocoapi.

Letters: H rows, W columns of the image.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import BaseModel, Field

from nucseg_tf.annotation.exchange.drawn import Drawn
from nucseg_tf.errors import LabelError

MAX_COUNT = 2**40
Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]


class Runs(BaseModel):
    size: tuple[int, int]
    counts: list[Count] | str


def encode_runs(nucleus: Drawn, shape: tuple[int, int]) -> list[int]:
    """Run lengths of 0, 1, 0, ... down the columns of an image of (H, W).

    >>> encode_runs(Drawn(1, 0, np.array([[True, True]])), (2, 3))
    [1, 1, 1, 1, 2]
    """
    column, row = np.nonzero(nucleus.mask.T)
    places = (column + nucleus.left) * shape[0] + row + nucleus.top
    breaks = np.flatnonzero(np.diff(places) > 1)
    starts = places[np.concatenate(([0], breaks + 1))]
    ends = places[np.concatenate((breaks, [len(places) - 1]))] + 1
    edges = np.stack([starts, ends], axis=1).ravel()
    counts = np.diff(edges, prepend=0, append=shape[0] * shape[1]).tolist()
    return counts if counts[-1] else counts[:-1]


def place_runs(rle: Runs, shape: tuple[int, int], where: str) -> tuple[int, int, np.ndarray]:
    """Row, column and mask of run lengths; they must fill the image."""
    try:
        counts = unpack_counts(rle.counts) if isinstance(rle.counts, str) else rle.counts
    except ValueError as error:
        raise LabelError(f"{where}: its mask is damaged: {error}. Draw it anew.") from error
    lengths = np.array(counts, np.int64)
    if rle.size != shape or lengths.sum() != shape[0] * shape[1] or (lengths < 0).any():
        raise LabelError(
            f"{where}: its mask is of {lengths.sum():,} pixels in {rle.size[0]} x {rle.size[1]}, "
            f"the image has {shape[0]} x {shape[1]}. Draw it anew."
        )
    return crop_runs(lengths, shape[0])


def crop_runs(lengths: np.ndarray, height: int) -> tuple[int, int, np.ndarray]:
    """Row, column and mask, without empty margins, of run lengths down columns of a height."""
    ends = np.cumsum(lengths)[1::2]
    inside = lengths[1::2]
    first = np.repeat(ends - inside - (np.cumsum(inside) - inside), inside)
    column, row = np.divmod(first + np.arange(inside.sum()), height)
    if not len(row):
        return 0, 0, np.zeros((0, 0), bool)
    top, left = int(row.min()), int(column.min())
    mask = np.zeros((int(row.max()) - top + 1, int(column.max()) - left + 1), bool)
    mask[row - top, column - left] = True
    return top, left, mask


def unpack_counts(text: str) -> list[int]:
    """Run lengths from COCO's compressed form.

    Five bits a character from "0" on, lowest first; 32 says that more follow, 16 in the last one
    that the number is negative; from the fourth on, differences to the number before the last.

    Raises:
        ValueError: the text is cut short, or something else.

    >>> unpack_counts("011O1")
    [0, 1, 1, 0, 2]
    """
    counts: list[int] = []
    value = bits = 0
    for character in text:
        code = ord(character) - 48
        if not 0 <= code < 64 or bits > 40:
            raise ValueError(f"run lengths contain {character!r}")
        value |= (code & 31) << bits
        bits += 5
        if code & 32:
            continue
        if code & 16:
            value -= 1 << bits
        counts.append(value + counts[-2] if len(counts) > 2 else value)
        value = bits = 0
    if bits:
        raise ValueError("run lengths are cut short")
    if any(not 0 <= count < MAX_COUNT for count in counts):
        raise ValueError("run lengths are out of range")
    return counts
