"""What stored values stand for where it is not what they are: colour maps, white as least value.

An image is read as it is meant to be looked at. Of label images the stored values count, whatever
colours they are shown in; so readers only say what values mean, and `shown` is asked for images.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from nucseg_tf.imaging.scratch import fits, put, release, scratch
from nucseg_tf.io.readers.base import Meaning, Pixels, RawImage

STRIP = 1024  # rows that are changed together where a plane is larger than memory should hold
LUMINANCE = (0.299, 0.587, 0.114)  # https://www.itu.int/rec/R-REC-BT.601, of red, green and blue


def shown(raw: RawImage, invert: bool = False) -> RawImage:
    """An image with what its values stand for; of stored values, if those are what they mean.

    Args:
        raw: as a reader gives it.
        invert: whether dark and bright are to be exchanged, too.
    """
    for meaning in (raw.meaning, inverted() if invert else None):
        if meaning is not None:
            axes = raw.axes + "S" * bool(meaning.samples)
            raw = replace(raw, data=_Changed(raw.data, meaning), axes=axes, meaning=None)
    return raw


def inverted(bits: int | None = None) -> Meaning:
    """Dark and bright exchanged: of whole numbers by what they can hold, of floats by their sign.

    Args:
        bits: of a sample, where not all of its type are used.
    """

    def change(values: np.ndarray) -> np.ndarray:
        if values.dtype.kind != "u":
            return ~values if values.dtype.kind == "i" else -values
        return values.dtype.type(2 ** (bits or 8 * values.itemsize) - 1) - values

    return Meaning(change)


def of_colours(table: np.ndarray, for_display: bool) -> Meaning | None:
    """What indices into a table of colours stand for.

    A map of greys, or of one colour, gives grey. A map that only gets brighter was laid over
    intensities to look at them (viridis, fire), so the indices are what was measured.

    Args:
        table: (V, 3) of uint8 or uint16.
        for_display: whether the program that wrote it keeps intensities as indices.

    Returns:
        None: the indices are the intensities.
    """
    varying = [column for column in table.T if np.ptp(column)]
    grey = all(np.array_equal(table[:, 0], column) for column in table.T)
    brightness = table @ np.array(LUMINANCE)
    if grey or not varying:
        return Meaning(_looked_up(table[:, 0]), table.dtype)
    if for_display or np.all(np.diff(brightness) > 0):
        return None
    if all(np.array_equal(varying[0], column) for column in varying):
        return Meaning(_looked_up(varying[0]), table.dtype)
    return Meaning(_looked_up(table), table.dtype, samples=3)


def _looked_up(table: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    table = np.ascontiguousarray(table)
    return lambda indices: table[indices]


@dataclass(frozen=True)
class _Changed:
    """Pixels that are changed when they are read.

    Attributes:
        data: as stored.
        meaning: of them.
    """

    data: Pixels
    meaning: Meaning

    @property
    def shape(self) -> tuple[int, ...]:
        """With an axis of colours last, if there are any."""
        return self.data.shape + ((self.meaning.samples,) if self.meaning.samples else ())

    @property
    def dtype(self) -> np.dtype:
        """Of the values that are given."""
        kind = self.meaning.dtype
        return self.data.dtype.newbyteorder("=") if kind is None else np.dtype(kind)

    def __getitem__(self, index: tuple[int | slice, ...], /) -> np.ndarray:
        """The pixels chosen; what is large lies in a file."""
        change = self.meaning.change
        index, sample = (index[:-1], index[-1:]) if self.meaning.samples else (index, ())
        stored = self.data[index]
        if stored.ndim < 2 or fits(stored.size * self.dtype.itemsize * (self.meaning.samples or 1)):
            return change(stored)[(..., *sample)].astype(self.dtype, copy=False)
        first = change(stored[:1])[(..., *sample)]
        whole = scratch((len(stored), *first.shape[1:]), self.dtype)
        for top in range(0, len(stored), STRIP):
            rows = slice(top, top + STRIP)
            put(whole, (rows,), change(stored[rows])[(..., *sample)])
            release(stored)
        return whole
