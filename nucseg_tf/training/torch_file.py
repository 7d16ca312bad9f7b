"""Arrays of a PyTorch file (format before 1.6), read without PyTorch and without running code."""

from __future__ import annotations

import collections
import pickle
from pathlib import Path
from typing import BinaryIO

import numpy as np

from nucseg_tf.errors import InitialisationError


class _ArraysOnly(pickle.Unpickler):
    """Reads PyTorch's format before version 1.6, and nothing but arrays."""

    def find_class(self, module, name):
        allowed = {
            ("collections", "OrderedDict"): collections.OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): lambda *arguments: arguments,
            ("torch", "FloatStorage"): np.dtype(np.float32),
            ("torch", "LongStorage"): np.dtype(np.int64),
        }
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"{module}.{name} is not an array")
        return allowed[module, name]

    def persistent_load(self, identifier):
        return identifier


def read_torch(file: Path) -> list[tuple[str, np.ndarray]]:
    """Names and arrays of a PyTorch state dictionary (format before 1.6), without PyTorch.

    Raises:
        InitialisationError: if the file is something else.
    """
    try:
        with file.open("rb") as stream:
            return _read_state(stream)
    except (pickle.UnpicklingError, EOFError, ValueError, KeyError, IndexError) as error:
        raise InitialisationError(f"{file}: is no PyTorch file of arrays: {error}") from error


def _read_state(stream: BinaryIO) -> list[tuple[str, np.ndarray]]:
    for _ in range(3):  # magic number, protocol version, sizes of types
        _ArraysOnly(stream).load()
    state, keys = _ArraysOnly(stream).load(), _ArraysOnly(stream).load()
    dtypes = {entry[0][2]: entry[0][1] for entry in state.values()}
    storages = {}
    for key in keys:
        count = int(np.frombuffer(stream.read(8), np.int64)[0])
        raw = stream.read(count * dtypes[key].itemsize)
        storages[key] = np.frombuffer(raw, dtypes[key])
    arrays = []
    for name, (storage, offset, shape, strides, *_) in state.items():
        values = storages[storage[2]][offset:]
        steps = [step * values.itemsize for step in strides]
        arrays.append((name, np.lib.stride_tricks.as_strided(values, shape, steps).copy()))
    return arrays
