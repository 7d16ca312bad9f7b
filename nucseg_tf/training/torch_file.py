"""Arrays of a PyTorch file (format before 1.6), read without PyTorch and without running code."""

from __future__ import annotations

import collections
import io
import math
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nucseg_tf.errors import InitialisationError
from nucseg_tf.io.pickles import check_pickle


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
        return _read_state(io.BytesIO(file.read_bytes()))
    except Exception as error:  # of bytes from anywhere: UnpicklingError, EOFError, KeyError, ...
        raise InitialisationError(f"{file}: is no PyTorch file of arrays: {error}") from error


def _read_state(stream: io.BytesIO) -> list[tuple[str, np.ndarray]]:
    for _ in range(3):  # magic number, protocol version, sizes of types
        _load(stream)
    state, keys = _load(stream), _load(stream)
    dtypes = {entry[0][2]: entry[0][1] for entry in state.values()}
    storages = {}
    for key in keys:
        count = int(np.frombuffer(stream.read(8), np.int64)[0])
        raw = stream.read(count * dtypes[key].itemsize)
        storages[key] = np.frombuffer(raw, dtypes[key])
    arrays = []
    for name, (storage, offset, shape, strides, *_) in state.items():
        arrays.append((str(name), _placed(storages[storage[2]][offset:], shape, strides)))
    return arrays


def _load(stream: io.BytesIO) -> Any:
    check_pickle(stream)
    return _ArraysOnly(stream).load()


def _placed(values: np.ndarray, shape: Sequence[int], strides: Sequence[int]) -> np.ndarray:
    """A copy of an array that lies in others' values; none of it may lie outside of them.

    Args:
        values: (N,).
        shape: of the array.
        strides: from one value to the next along each axis, in values.
    """
    last = sum((side - 1) * step for side, step in zip(shape, strides, strict=True))
    small = min((*shape, *strides), default=0) >= 0 and math.prod(shape) <= len(values)
    if not small or last >= len(values):
        raise ValueError(f"an array of {tuple(shape)} in {len(values)} values")
    steps = [step * values.itemsize for step in strides]
    return np.lib.stride_tricks.as_strided(values, shape, steps).copy()
