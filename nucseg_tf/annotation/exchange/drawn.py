"""A nucleus as drawn on an image of an annotation tool, and what all tools have in common.

Letters: H rows, W columns of the image, h rows, w columns of a mask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nucseg_tf.errors import LabelError

# Classes, and the tag or attribute that carries the label of a nucleus.
NUCLEUS, NEIGHBOUR, TAG = "nucleus", "neighbour", "nucleus_id"
MAX_OBJECTS = 20_000
MAX_COVER = 8  # boxes of all objects together, in images; dense fields stay below 3


@dataclass(frozen=True)
class Drawn:
    """A nucleus on the image of a region.

    Attributes:
        top: row of the mask in the image.
        left: column.
        mask: (h, w) bool, without empty margins.
        label: of the nucleus when it was exported, or None for a new one.
        neighbour: whether it belongs to another region.
    """

    top: int
    left: int
    mask: np.ndarray
    label: int | None = None
    neighbour: bool = False


# Reads the nuclei on an image that should be of the given (H, W).
Reader = Callable[[tuple[int, int]], list[Drawn]]


def tight(mask: np.ndarray, top: int = 0, left: int = 0) -> tuple[int, int, np.ndarray]:
    """Row, column and mask without empty margins; (0, 0) is the shape of an empty mask."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return top, left, np.zeros((0, 0), bool)
    inner = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return top + int(rows[0]), left + int(columns[0]), inner


def as_label(value: Any) -> int | None:
    """A nucleus_id as a label; None where it is none, for tools let people edit it."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return int(number) if number.is_integer() and 0 < number < 2**31 else None


def within_limits(drawn: Iterable[Drawn], shape: tuple[int, int], where: str) -> list[Drawn]:
    """All of some nuclei, unless their masks would fill the memory.

    Raises:
        LabelError: there are more of them, or larger ones, than an image can hold.
    """
    kept: list[Drawn] = []
    room = MAX_COVER * shape[0] * shape[1]
    for nucleus in drawn:
        room -= nucleus.mask.size
        kept.append(nucleus)
        if room < 0 or len(kept) > MAX_OBJECTS:
            raise LabelError(
                f"{where}: objects cover the image more than {MAX_COVER} times, or are more than "
                f"{MAX_OBJECTS:,}. Delete copies that lie upon each other."
            )
    return kept
