"""Masks in Cellpose's STEM_seg.npy, which is a pickle, read without running anything in it.

A pickle says which functions of which modules are to be called with what; `pickle.load` calls them,
whatever they are. Here all that it names becomes a stand-in that only remembers what it was given;
the masks are put together from that, after their size has been checked.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import numpy as np

from nucseg_tf.errors import LabelError
from nucseg_tf.io.pickles import check_pickle

MOST = 2 * 2**30  # bytes of a file
_SETS = {code[0] for code in (pickle.EMPTY_SET, pickle.ADDITEMS, pickle.FROZENSET)}
TYPES = ("b1", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f4", "f8")
REMEDY = "Save the masks as TIFF or PNG in Cellpose (File > Save masks as PNG/tif)."


def read_seg(path: Path) -> np.ndarray:
    """The array `masks` of a file, (H, W) as a rule, in its dtype.

    Raises:
        LabelError: it is no such file, too large, or damaged.
    """
    if path.stat().st_size > MOST:
        raise LabelError(f"{path}: larger than {MOST >> 30} GiB. {REMEDY}")
    try:
        file = io.BytesIO(path.read_bytes())
        _skip_header(file)
        check_pickle(file)
        return _array(_content(_Reader(file).load())["masks"])
    except Exception as error:  # of bytes from anywhere: UnpicklingError, EOFError, KeyError, ...
        raise LabelError(
            f"{path}: cannot be read as Cellpose's _seg.npy ({error!r}). {REMEDY}"
        ) from error


class _Noted:
    """What stands for an object of any class: it remembers and does nothing."""

    def __new__(cls, *args: Any, **_: Any) -> _Noted:
        noted = super().__new__(cls)
        noted.args, noted.state = args, None
        return noted

    args: tuple[Any, ...]
    state: Any

    def __init__(self, *_: Any, **__: Any) -> None:
        """Take whatever the pickle gives."""

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def append(self, _: Any) -> None:
        """For lists of other classes."""

    def __setitem__(self, _: Any, __: Any) -> None:
        """For dictionaries of other classes."""


class _Reader(pickle._Unpickler):
    """Gives a stand-in for whatever is named.

    In Python, not C, where a number of four bytes makes the list of what is remembered fill the
    memory. Keys are text or numbers: to hash tuples of tuples of tuples would take forever.
    """

    stack: list[Any]
    dispatch: ClassVar[dict[int, Any]] = {
        code: load for code, load in pickle._Unpickler.dispatch.items() if code not in _SETS
    }

    def load_setitem(self) -> None:
        """One entry of a dictionary."""
        _check_keys(self.stack[-2:])
        super().load_setitem()  # type: ignore[misc]

    def load_setitems(self) -> None:
        """Several."""
        _check_keys(self.stack)
        super().load_setitems()  # type: ignore[misc]

    def load_dict(self) -> None:
        """A dictionary of the first protocol."""
        _check_keys(self.stack)
        super().load_dict()  # type: ignore[misc]

    dispatch[pickle.SETITEM[0]] = load_setitem
    dispatch[pickle.SETITEMS[0]] = load_setitems
    dispatch[pickle.DICT[0]] = load_dict

    def find_class(self, module: str, name: str) -> Any:
        """A stand-in that has no more than the name."""
        return type(f"{module}.{name}"[:100], (_Noted,), {})


def _check_keys(entries: list[Any]) -> None:
    """Refuse keys, every second of some entries, that are neither text nor numbers."""
    if not all(isinstance(key, str | int | bytes) for key in entries[::2]):
        raise pickle.UnpicklingError("a key is neither text nor a number")


def _skip_header(file: BinaryIO) -> None:
    """To the pickle of an array of objects without axes, as np.save writes a dictionary."""
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    shape, _, dtype = read[np.lib.format.read_magic(file)](file)
    if shape != () or not dtype.hasobject:
        raise ValueError("it holds an array, not a dictionary")


def _content(outer: Any) -> dict[str, Any]:
    """The dictionary in the array of one object."""
    if not isinstance(outer, _Noted):
        raise TypeError("no array")
    (content,) = outer.state[-1]
    if not isinstance(content, dict):
        raise TypeError("no dictionary")
    return content


def _array(noted: Any) -> np.ndarray:
    """An array of numbers, from what its pickle says."""
    if not isinstance(noted, _Noted):
        raise TypeError("masks are no array")
    _, shape, dtype, is_fortran, content = noted.state
    code, order = dtype.args[0], dtype.state[1]
    code = code.lstrip("<>|=") if isinstance(code, str) else ""
    if code not in TYPES or not isinstance(content, bytes):
        raise ValueError(f"masks of type {code[:20]!r}")
    kind = np.dtype(code).newbyteorder(order)
    values = np.frombuffer(content, kind)  # of as many bytes as there are
    if not all(isinstance(side, int) and side >= 0 for side in shape):
        raise ValueError("masks of no shape")  # whose text could be endless
    return values.reshape(shape, order="F" if is_fortran else "C")
