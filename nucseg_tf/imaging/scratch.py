"""Arrays too large for memory: they lie in a temporary file, of which only what is in use is held.

Small ones are plain arrays; whoever uses `cut` and `put` need not know which it is.
"""

from __future__ import annotations

import errno
import mmap
import os
import tempfile
from collections.abc import Iterator

import numpy as np
from numpy.typing import DTypeLike

from nucseg_tf.errors import OutputError

SMALL = 128 * 2**20  # bytes, up to which an array is held in memory
STRIP = 2**22  # pixels that are looked at together where all are

Slices = tuple[slice, slice]


def scratch(shape: tuple[int, ...], dtype: DTypeLike) -> np.ndarray:
    """Zeros of a shape, in memory or in a temporary file that vanishes with the array.

    Raises:
        OutputError: there is no room for the file; TMPDIR says where it lies.
    """
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    if fits(size):
        return np.zeros(shape, dtype)
    try:
        with tempfile.TemporaryFile(prefix="nucseg-") as file:
            if hasattr(os, "posix_fallocate"):  # a full disk would end the process later
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.truncate(size)
            return np.memmap(file, dtype, "r+", shape=shape)
    except OSError as error:
        if error.errno == errno.ENOMEM:
            raise MemoryError(f"Unable to allocate {size / 2**30:.1f} GiB of addresses") from error
        raise OutputError(
            f"{_place()}: no room for {size / 2**30:.1f} GiB of temporary files "
            f"({error.strerror}). Set TMPDIR to a folder with more."
        ) from error


def _place() -> str:
    """Where temporary files lie; what was asked for, where none can be written anywhere."""
    try:
        return tempfile.gettempdir()
    except OSError:
        return os.environ.get("TMPDIR", "TMPDIR")


def fits(size: int) -> bool:
    """Whether an array of so many bytes is held in memory."""
    return size <= SMALL


def cut(array: np.ndarray, slices: Slices) -> np.ndarray:
    """A window of an array; a copy where that lies in a file."""
    if _mapping(array) is None:
        return array[slices]
    part = np.array(array[slices])
    release(array)
    return part


def put(array: np.ndarray, slices: tuple[int | slice, ...], values: np.ndarray) -> None:
    """Write a part of an array."""
    array[slices] = values
    release(array)


def release(array: np.ndarray) -> None:
    """Let go of the memory that mirrors a file, if the array is one; its contents stay."""
    mapping = _mapping(array)
    if mapping is not None and hasattr(mapping, "madvise"):
        mapping.madvise(mmap.MADV_DONTNEED)


def is_mapped(array: np.ndarray) -> bool:
    """Whether an array lies in a file."""
    return _mapping(array) is not None


def strips(array: np.ndarray) -> Iterator[np.ndarray]:
    """An array (H, W) in strips of rows, one after another."""
    rows = max(1, STRIP // max(1, array.shape[1]))
    for top in range(0, len(array), rows):
        yield cut(array, (slice(top, top + rows), slice(None)))


def highest(labels: np.ndarray) -> int:
    """The largest label of (H, W); 0 without any."""
    return max((int(strip.max(initial=0)) for strip in strips(labels)), default=0)


def _mapping(array: np.ndarray) -> mmap.mmap | None:
    """What mirrors a file; not what has changes of its own, which letting go would undo."""
    owner: object = None
    base: object = array
    while base is not None and not isinstance(base, mmap.mmap):
        owner, base = base, getattr(base, "base", None)
    shared = isinstance(owner, np.memmap) and owner.mode != "c"
    return base if shared else None
