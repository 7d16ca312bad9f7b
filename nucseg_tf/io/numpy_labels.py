"""Labels in NumPy's own files, .npy and .npz; no pickle in them is ever read.

Of several arrays in a .npz the one that is called after labels is taken. Cellpose's _seg.npy, which
is a pickle, is the matter of `cellpose`.
"""

from __future__ import annotations

import math
import os
import zipfile
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from nucseg_tf.errors import LabelError, NucsegError
from nucseg_tf.io import limits
from nucseg_tf.io.archives import check_directory

NAMES = ("labels", "label", "masks", "mask", "instances", "inst_map", "y")  # the first found wins
REMEDY = "Save the labels of one image as (H, W) whole numbers: np.save(path, labels)."
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_array(path: Path) -> np.ndarray:
    """The array of a .npy, or that of labels in a .npz: (H, W) in its dtype.

    Raises:
        LabelError: it is damaged, holds no numbers, or more than one image.
        TooLargeError: it claims more than there is, or than may be held.
    """
    try:
        array = _from_zip(path) if path.suffix.lower() == ".npz" else _from_file(path)
    except NucsegError:
        raise
    except Exception as error:  # of bytes from anywhere: ValueError, BadZipFile, zlib.error, ...
        raise LabelError(
            f"{path}: cannot be read as an array of NumPy ({error!r}). {REMEDY}"
        ) from error
    shape = array.shape
    while array.ndim > 2 and 1 in (array.shape[0], array.shape[-1]):
        array = array[0] if array.shape[0] == 1 else array[..., 0]
    if array.ndim != 2 or not array.size:
        stack = "; save each image of a stack as STEM.npy of its own" if array.ndim > 2 else ""
        raise LabelError(f"{path}: its array is of shape {shape}, expected (H, W){stack}. {REMEDY}")
    return array


def _from_file(path: Path) -> np.ndarray:
    with limits.BoundedFile(path) as file:
        return _read(path, file, os.fstat(file.fileno()).st_size)


def _from_zip(path: Path) -> np.ndarray:
    check_directory(path)
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".npy")]
        found = [f"{name}.npy" for name in NAMES if f"{name}.npy" in names] or names
        if not names or (len(names) > 1 and found is names):
            said = ", ".join(name[:40] for name in names[:5]) or "none"
            raise LabelError(
                f"{path}: which array? It has {said}. Call the one of labels `labels`: "
                "np.savez_compressed(path, labels=labels)."
            )
        with archive.open(found[0]) as file:
            member = archive.getinfo(found[0])
            return _read(path, cast(BinaryIO, file), member.compress_size)


def _read(path: Path, file: BinaryIO, stored: int) -> np.ndarray:
    """The array at the beginning of a stream.

    Args:
        path: of the file, for messages.
        file: the stream.
        stored: bytes that it takes in the file.
    """
    shape, is_fortran, dtype = _HEADERS[np.lib.format.read_magic(file)](file)
    if dtype.kind not in "buif" or dtype.fields is not None:
        what = "a pickle, which is not read" if dtype.hasobject else f"{str(dtype)[:40]}, no labels"
        seg = " A file of Cellpose must be called STEM_seg.npy." if dtype.hasobject else ""
        raise LabelError(f"{path}: holds {what}.{seg} {REMEDY}")
    if any(side < 0 for side in shape):
        raise ValueError(f"an array of shape {shape}")
    limits.check(shape, dtype.itemsize, path, stored)
    count = math.prod(shape)
    data = file.read(count * dtype.itemsize)
    values = np.frombuffer(data, dtype, count)  # ValueError where there are fewer bytes
    return values.reshape(shape, order="F" if is_fortran else "C")
