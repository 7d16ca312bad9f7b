"""How much a file may claim, asked before memory is taken for it.

A few bytes can claim any size. What is held as a whole must fit into `most()` bytes, and into what
a file of its length can be unpacked to; what is read window by window may be larger than memory,
but not larger than its file can fill.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterable
from pathlib import Path

from nucseg_tf.errors import TooLargeError, UsageError
from nucseg_tf.imaging.memory import allowed

VARIABLE = "NUCSEG_MAX_GB"
GB = 10**9
SHARE = 0.5  # of the memory, that one array or file of text may take
# Bytes that one byte of a file unpacks to: deflate reaches 1,032, LZW of a single colour 2,700.
MOST_RATIO = 5_000
SMALL = 64 * 2**20  # bytes that are given to a file without a look at its length


def most() -> int:
    """Bytes that may be held of one file: what NUCSEG_MAX_GB says, or half of the memory.

    Raises:
        UsageError: the variable is no number above 0.
    """
    said = os.environ.get(VARIABLE)
    if said is None:
        return int(allowed() * SHARE)
    try:
        size = float(said) * GB
    except ValueError:
        size = math.nan
    if not 0 < size < math.inf:
        raise UsageError(f"{VARIABLE}: expected GB (10^9 bytes) above 0. Received: {said!r}")
    return int(size)


def check(shape: Iterable[int], itemsize: int, path: Path | str, stored: int | None = None) -> None:
    """Refuse what is to be held as a whole, if it is too large.

    Args:
        shape: of it.
        itemsize: bytes of one element.
        path: of the file, for the message.
        stored: bytes that it takes in the file, if known.

    Raises:
        TooLargeError: it is.
    """
    shape = tuple(shape)
    size, limit = _size(shape, itemsize), most()
    if size > limit:
        raise TooLargeError(_message(path, shape, size, limit))
    small = limit if VARIABLE in os.environ else SMALL
    if stored is not None and size > max(small, MOST_RATIO * stored):
        raise TooLargeError(_impossible(path, shape, size, stored))


def check_windows(shape: Iterable[int], itemsize: int, path: Path | str, stored: int) -> None:
    """Refuse what is read window by window, if it is larger than its file can fill.

    What fits into memory may be emptier: labels without a nucleus.

    Args:
        shape, itemsize, path: as of `check`.
        stored: bytes that it takes in the file, or the file's length.

    Raises:
        TooLargeError: it is.
    """
    shape = tuple(shape)
    size = _size(shape, itemsize)
    if size > max(most(), MOST_RATIO * stored):
        raise TooLargeError(_impossible(path, shape, size, stored))


class BoundedFile(io.BufferedReader):
    """A file that takes no memory beyond its own length, whatever number of bytes is asked for.

    Decoders ask for as many as a field of the file says.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path):
        super().__init__(io.FileIO(str(path)))

    def read(self, size: int | None = -1, /) -> bytes:
        """As of any file."""
        if size is not None and size > 0:
            size = min(size, max(0, os.fstat(self.fileno()).st_size - self.tell()))
        return super().read(size)


def _size(shape: tuple[int, ...], itemsize: int) -> int:
    return math.prod(int(length) for length in shape) * int(itemsize)


def _message(path: Path | str, shape: tuple[int, ...], size: int, limit: int) -> str:
    return (
        f"{path}: would take {size / GB:,.1f} GB of memory ({_times(shape)}); {limit / GB:,.1f} GB "
        f"are allowed. Cut it into parts, or set {VARIABLE} to more."
    )


def _impossible(path: Path | str, shape: tuple[int, ...], size: int, stored: int) -> str:
    return (
        f"{path}: claims {size / GB:,.1f} GB ({_times(shape)}) in {stored:,} bytes, which cannot "
        f"be true. Copy or export it again; if it is true, set {VARIABLE} to more."
    )


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{length:,}" for length in shape)
