"""HDF5: every dataset of numbers with two axes or more is an image, named by its path."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nucseg_tf.errors import ImageReadError
from nucseg_tf.io import limits
from nucseg_tf.io.documents import from_json
from nucseg_tf.io.elsewhere import try_elsewhere
from nucseg_tf.io.readers.base import RawImage, Reader, refuse_several

if TYPE_CHECKING:
    import h5py

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_LETTERS = "TZCSYX"
_UNNAMED = "IQ"
# What is read of the file, and of each dataset of it, before its pixels.
_TRY = """
import sys
from contextlib import suppress

import h5py

def look(name, item):
    for attribute in sys.argv[2:]:
        with suppress(Exception):
            item.attrs.get(attribute)
    with suppress(Exception):
        item.shape, item.dtype, item.chunks, item.id.get_storage_size(), item.external
        item.is_virtual and list(item.virtual_sources())

with h5py.File(sys.argv[1], "r", locking=False) as file:
    look("", file)
    file.visititems(look)
"""
_ATTRIBUTES = ("CLASS", "DIMENSION_LABELS", "axistags", "axes", "element_size_um")


class Hdf5Reader(Reader):
    """Datasets, with the names of their axes from whoever wrote them."""

    suffixes = (".h5", ".hdf5")

    def recognises(self, head: bytes) -> bool:
        """Whether it is HDF5 without a block of the user's in front."""
        return head.startswith(_SIGNATURE)

    def scenes(self, path: Path) -> tuple[str, ...]:
        """Paths of the datasets, as HDF5 orders them."""
        import h5py

        try_hdf5(path, *_ATTRIBUTES)
        names: list[str] = []

        def look(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset) and _is_image(item):
                names.append(name)

        with h5py.File(path, "r") as file:
            file.visititems(look)
        if not names:
            raise ImageReadError(f"{path}: holds no dataset of numbers with two axes or more")
        return tuple(names)

    def read(self, path: Path) -> RawImage:
        """The only dataset; errors as of `read_scene`, or there are several."""
        refuse_several(path, self.scenes(path))
        return self.read_scene(path, 0)

    def read_scene(self, path: Path, number: int) -> RawImage:
        """A dataset; its pixels are read when they are asked for.

        Axes are named by DIMENSION_LABELS, the `axistags` of ilastik or an attribute `axes`, such
        as "zyx" or ["z", "y", "x"]. Without any, rows and columns come last, after unnamed ones.
        The attribute `element_size_um` holds the distances of pixels along z, y and x.

        Raises:
            ImageReadError: names of axes make no sense, or too many have none.
        """
        import h5py

        name = self.scenes(path)[number]
        with h5py.File(path, "r") as file:
            dataset = file[name]
            check_dataset(path, dataset)
            axes = _axes(f"{path}/{name}", dataset)
            sizes = _sizes(dataset.attrs.get("element_size_um"))
            shape, dtype = dataset.shape, dataset.dtype
        depth, height, width = sizes
        return RawImage(
            Hdf5Pixels(path, name, shape, dtype),
            axes,
            pixel_size=width,
            pixel_height=None if height == width else height,
            plane_distance=depth if "Z" in axes else None,
        )


class Hdf5Pixels:
    """A dataset of a file that is open only while pixels are read.

    Args:
        path: the file.
        name: path of the dataset.
        shape, dtype: of the dataset.
    """

    def __init__(self, path: Path, name: str, shape: tuple[int, ...], dtype: np.dtype):
        self._path, self._name = path, name
        self.shape, self.dtype = shape, dtype

    def __getitem__(self, index: tuple[int | slice, ...], /) -> np.ndarray:
        """The pixels chosen.

        Raises:
            ImageReadError: they are damaged.
        """
        import h5py

        try:
            with h5py.File(self._path, "r") as file:
                return np.asarray(file[self._name][index])
        except OSError as error:
            raise ImageReadError(
                f"{self._path}: dataset {self._name} is damaged or cannot be read ({error}). "
                "Copy the file again."
            ) from error


def try_hdf5(path: Path, *attributes: str) -> None:
    """Refuse a file that ends HDF5's process, or that it comes to no end with.

    Both come of damage to the place where the texts of attributes lie.

    Args:
        path: of the file.
        attributes: that will be read of it, or of its groups and datasets.

    Raises:
        ImageReadError: it is so.
    """
    try_elsewhere(path, "HDF5", _TRY, *attributes)


def check_dataset(path: Path, dataset: h5py.Dataset) -> None:
    """Refuse a dataset that lies in other files, or that its own cannot hold.

    Raises:
        ImageReadError: it names other files.
        TooLargeError: it claims too much, or a chunk of it does.
    """
    where = f"{path}: dataset {dataset.name}"
    elsewhere = dataset.external or []
    if dataset.is_virtual:
        elsewhere = [source for source in dataset.virtual_sources() if source.file_name != "."]
    if elsewhere:
        raise ImageReadError(f"{where} lies in other files. Copy its values into this one.")
    stored, itemsize = dataset.id.get_storage_size(), dataset.dtype.itemsize
    if not dataset.is_virtual:
        limits.check_windows(dataset.shape, itemsize, where, stored)
    if dataset.chunks is not None:
        limits.check(dataset.chunks, itemsize, where)


def _is_image(dataset: h5py.Dataset) -> bool:
    """Whether it is an array of numbers, not the scale of an axis."""
    scale = dataset.attrs.get("CLASS") in (b"DIMENSION_SCALE", "DIMENSION_SCALE")
    return not scale and len(dataset.shape or ()) >= 2 and dataset.dtype.kind in "buif"


def _axes(what: str, dataset: h5py.Dataset) -> str:
    """A letter an axis."""
    count = len(dataset.shape)
    names = _names(what, dataset)
    if not any(names):
        if count - 2 > len(_UNNAMED):
            raise ImageReadError(
                f"{what}: has {count} axes without names. Name them in an attribute `axes` of the "
                'dataset, such as "tczyx".'
            )
        return _UNNAMED[: count - 2] + "YX"
    unnamed = iter(_UNNAMED)
    letters = [n.upper() if n.upper() in _LETTERS and n else next(unnamed, "?") for n in names]
    if len(letters) != count or len(set(letters)) < count or not {"Y", "X"} <= set(letters):
        raise ImageReadError(
            f"{what}: axes {', '.join(names)} do not fit shape {dataset.shape}; expected a name an "
            "axis, of t, z, c, y and x, each once, y and x among them"
        )
    return "".join(letters)


def _names(what: str, dataset: h5py.Dataset) -> Sequence[str]:
    # Not by `dataset.dims`, with which an attribute of another kind ends the process.
    labels = np.ravel(dataset.attrs.get("DIMENSION_LABELS", [])).tolist()
    if any(labels):
        return [_text(label or "") for label in labels]
    try:
        if "axistags" in dataset.attrs:
            return [str(tag["key"]) for tag in from_json(dataset.attrs["axistags"])["axes"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ImageReadError(f"{what}: its attribute `axistags` is damaged ({error!r})") from error
    said = dataset.attrs.get("axes", "")
    return [_text(name) for name in (_text(said) if isinstance(said, bytes) else said)]


def _text(said: Any) -> str:
    return said.decode() if isinstance(said, bytes) else str(said)


def _sizes(said: Any) -> tuple[float | None, float | None, float | None]:
    """Distances along z, y and x, µm; None where they are not told."""
    values = [] if said is None else np.atleast_1d(np.asarray(said, float)).tolist()
    sizes = [value if np.isfinite(value) and value > 0 else None for value in values[-3:]]
    first = [None] * (3 - len(sizes))
    depth, height, width = first + sizes
    return depth, height, width


READER = Hdf5Reader()
