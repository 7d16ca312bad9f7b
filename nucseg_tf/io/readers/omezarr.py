"""OME-Zarr, 0.1 to 0.5: folders of chunks, read where pixels are asked for."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nucseg_tf.errors import ImageReadError, TooLargeError
from nucseg_tf.io import limits
from nucseg_tf.io.omezarr.multiscale import channel_names, open_level, read_multiscale
from nucseg_tf.io.omezarr.store import (
    folder_of,
    inner_path,
    is_zarr,
    ome_attributes,
    open_group,
)
from nucseg_tf.io.readers.base import RawImage, Reader, refuse_several

if TYPE_CHECKING:
    import zarr

LEAST_CHUNK = 2**16  # bytes that the file of a chunk may have, however small the chunk is
BLOSC_HEAD = 16  # bytes, of which the last four are the length of the chunk
_NO_CHUNKS = (".zarray", ".zattrs", ".zgroup", "zarr.json")


class OmeZarrReader(Reader):
    """The finest level of an image; several of one conversion (bioformats2raw) are scenes."""

    suffixes = (".zarr",)
    folders = True

    def recognises(self, head: bytes) -> bool:
        """Never: an image is a folder; `io.omezarr.store.is_zarr` looks into that."""
        return False

    def is_image(self, folder: Path) -> bool:
        """Whether it is a group of Zarr, or is named as one: it may have lost its metadata."""
        return is_zarr(folder) or folder.suffix.lower() in self.suffixes

    def read(self, path: Path) -> RawImage:
        """The only image; errors as of `read_scene`, or there are several."""
        refuse_several(path, self.scenes(path))
        return self.read_scene(path, 0)

    def scenes(self, path: Path) -> tuple[str, ...]:
        """Paths of the images in a folder that bioformats2raw made; else one, ""."""
        return _series(open_group(path))

    def read_scene(self, path: Path, number: int) -> RawImage:
        """Open an image; its pixels are read when they are asked for.

        Raises:
            ImageReadError: no image, a plate, damaged metadata, or nothing was ever written.
        """
        group = open_group(path)
        series = _series(group)
        if not 0 <= number < len(series):
            raise ImageReadError(f"{path}: has {len(series)} images. Received: number {number}")
        if series[number]:
            group = open_group(path / series[number])
        image = read_multiscale(group)
        array = open_level(group, image.levels[0])
        if array.ndim != len(image.axes):
            raise ImageReadError(
                f"{path}: level {image.levels[0]} has {array.ndim} axes, its metadata say "
                f"{image.axes}. Export it again."
            )
        _check_claims(array)
        # Labels without a nucleus may have no chunk; a camera's image without one is a broken copy.
        labels = "image-label" in ome_attributes(group)
        if array.size and not labels and not _has_chunks(folder_of(array)):
            raise ImageReadError(
                f"{folder_of(array)}: holds metadata alone, no pixels. Copy it again, with chunks."
            )
        width, height = image.micron("x"), image.micron("y")
        names = channel_names(group)
        count = array.shape[image.axes.index("c")] if "c" in image.axes else 0
        return RawImage(
            ZarrPixels(array),
            image.axes.upper(),
            pixel_size=width,
            pixel_height=None if height == width else height,
            plane_distance=image.micron("z"),
            channels=names if len(names) == count else (),
        )


class ZarrPixels:
    """An array of Zarr, whose damaged chunks are named.

    A chunk without a file is filled with the fill value: by the format of Zarr such chunks were
    never written, because they hold nothing else, which zarr does by default.

    Args:
        array: of zarr.
    """

    def __init__(self, array: zarr.Array):
        self._array = array
        self.shape: tuple[int, ...] = array.shape
        self.dtype = np.dtype(array.dtype)
        names = {type(codec).__name__ for codec in array.compressors}
        self._is_blosc = bool(names & {"Blosc", "BloscCodec"})
        # A codec makes data a little longer at worst; a longer file would be inflated whole.
        self._most = 2 * math.prod(array.chunks) * self.dtype.itemsize + LEAST_CHUNK

    def __getitem__(self, index: tuple[int | slice, ...], /) -> np.ndarray:
        """The pixels chosen.

        Raises:
            ImageReadError: a chunk is damaged; names its file.
        """
        if self._array.shards is None:
            for place in self._touched(index):
                _check_length(self._file(place), self._most, self._is_blosc)
        try:
            return np.asarray(self._array[index])
        except IndexError:
            raise
        except Exception as error:  # each codec raises what it likes
            raise ImageReadError(
                f"{self._damaged(index)}: this chunk is damaged or cannot be read ({error}). "
                "Copy it again."
            ) from error

    def _touched(self, index: tuple[int | slice, ...]) -> Iterator[tuple[int, ...]]:
        """Chunks, or shards, that hold the pixels at an index."""
        along = []
        for axis, (length, size) in enumerate(zip(self.shape, self._sizes, strict=True)):
            chosen = range(length)[index[axis]] if axis < len(index) else range(length)
            ends = [chosen] if isinstance(chosen, int) else [*chosen[:1], *chosen[-1:]]
            along.append(range(min(ends) // size, max(ends) // size + 1) if ends else range(0))
        return itertools.product(*along)

    @property
    def _sizes(self) -> tuple[int, ...]:
        return self._array.shards or self._array.chunks

    def _file(self, place: tuple[int, ...]) -> Path:
        return folder_of(self._array) / self._array.metadata.encode_chunk_key(place)

    def _damaged(self, index: tuple[int | slice, ...]) -> Path:
        """The first chunk at an index that cannot be read; the array's folder, if all can."""
        for place in self._touched(index):
            corner = zip(place, self._sizes, strict=True)
            try:
                self._array[tuple(slice(p * size, (p + 1) * size) for p, size in corner)]
            except Exception:
                return self._file(place)
        return folder_of(self._array)


def _check_claims(array: zarr.Array) -> None:
    """Refuse an array that its chunks cannot fill, or of which memory cannot hold one.

    Raises:
        TooLargeError: it is so.
    """
    folder, size = folder_of(array), np.dtype(array.dtype).itemsize
    limits.check(array.chunks, size, folder)
    if math.prod(array.shape) * size > limits.most():  # only then its files are counted
        stored = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        limits.check_windows(array.shape, size, folder, stored)


def _check_length(chunk: Path, most: int, is_blosc: bool) -> None:
    """Raise ImageReadError where a chunk is too long, or one of Blosc shorter than it says.

    Blosc itself reads on behind its end, and returns what lies there in memory.
    """
    try:
        size = chunk.stat().st_size
        with chunk.open("rb") as file:
            head = file.read(BLOSC_HEAD) if is_blosc else b""
    except FileNotFoundError:
        return
    if size > most:
        raise TooLargeError(f"{chunk}: this chunk is too long ({size:,} bytes). Copy it again.")
    if not is_blosc:
        return
    if len(head) < BLOSC_HEAD or int.from_bytes(head[12:], "little") > size:
        raise ImageReadError(f"{chunk}: this chunk is cut short ({size} bytes). Copy it again.")


def _series(group: zarr.Group) -> tuple[str, ...]:
    """Paths of the images that bioformats2raw wrote into a group, or ("",)."""
    said = ome_attributes(group)
    if "bioformats2raw.layout" not in said or "plate" in said:
        return ("",)
    folder = folder_of(group)
    listed = ome_attributes(open_group(folder / "OME")).get("series") if _has_ome(folder) else None
    numbered = itertools.takewhile(
        lambda name: (folder / name).is_dir(), map(str, itertools.count())
    )
    names = tuple(map(str, listed or numbered))
    for name in names:
        inner_path(folder, name)
    if not names:
        raise ImageReadError(
            f"{folder}: has the layout of bioformats2raw, but no image. Copy it again."
        )
    return names


def _has_ome(folder: Path) -> bool:
    return (folder / "OME" / ".zattrs").is_file() or (folder / "OME" / "zarr.json").is_file()


def _has_chunks(folder: Path) -> bool:
    """Whether any file but metadata lies in the folder of an array."""
    return any(path.is_file() and path.name not in _NO_CHUNKS for path in folder.rglob("*"))


READER = OmeZarrReader()
