"""Outlines filled: the pixels of a nucleus, and labels of many.

Pixel (r, c) covers r to r + 1 and c to c + 1; it is of an outline if its centre is inside.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from nucseg_tf.errors import LabelError
from nucseg_tf.io import limits
from nucseg_tf.io.boxes import Box, shape_of, shifted, slices
from nucseg_tf.io.polygons import box_of, windings

SLACK = 2.0  # px that outlines may reach beyond the image
MOST_COVER = 30  # boxes of all outlines together, in images; dense fields stay below 3
Part = tuple[Box, np.ndarray]  # a box of the image, and which of its pixels are of a nucleus
Rings = list[np.ndarray]  # each (N, 2) float (row, column); holes are rings, too


def fill(
    where: str,
    rings: Rings,
    shape: tuple[int, int],
    reach: float = SLACK,
    nonzero: bool = False,
) -> Part:
    """The pixels of an outline.

    Args:
        where: it is from, for messages.
        rings: of one nucleus, one or more.
        shape: (H, W) of the image.
        reach: px that the outline may lie beyond the image, where it is cut.
        nonzero: whether a ring in another is a hole only if it goes the other way round, not in any
            case (even-odd).

    Raises:
        LabelError: it lies further beyond, or has too many corners or rings.
    """
    corners = np.concatenate(rings)
    beyond = not np.isfinite(corners).all() or np.any(corners < -reach)
    if beyond or np.any(corners > np.array(shape) + reach):
        raise LabelError(
            f"{where} lies beyond the image of {shape[0]} x {shape[1]} px. Is it of another image, "
            "or in other units than pixels?"
        )
    around, room = box_of(corners, shape), MOST_COVER * shape[0] * shape[1]
    turns = np.zeros(shape_of(around), np.int32)
    for ring in rings:
        try:
            box, more = windings(ring, shape)
        except LabelError as error:
            raise LabelError(f"{where}: {error}") from error
        turns[slices(shifted(box, around))] += more
        room -= more.size
        if room < 0:
            raise LabelError(f"{where} covers the image more than {MOST_COVER} times")
    return around, (turns != 0) if nonzero else (turns % 2 == 1)


def paint(
    where: Path | str,
    nuclei: Iterable[Iterable[Part]],
    shape: tuple[int, int],
    last_on_top: bool = False,
) -> np.ndarray:
    """Labels (H, W) int32 of nuclei, each the union of its parts, 1..N in their order.

    Args:
        where: they are from, for messages.
        nuclei: parts of each; none is kept, so what makes them one by one takes no more memory.
        shape: (H, W) of the image.
        last_on_top: whether the last has the pixels that several have, not the first.

    Raises:
        LabelError: the image is too large, or covered too often.
    """
    limits.check(shape, np.dtype(np.int32).itemsize, where)
    labels = np.zeros(shape, np.int32)
    room = MOST_COVER * shape[0] * shape[1]
    for number, parts in enumerate(nuclei, start=1):
        for box, mask in parts:
            room -= mask.size
            if room < 0:
                raise LabelError(
                    f"{where}: its outlines cover the image more than {MOST_COVER} times"
                )
            window = labels[slices(box)]
            window[mask if last_on_top else mask & (window == 0)] = number
    return labels
