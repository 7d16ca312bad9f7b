"""What a reader of image files is, and what it gives."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from nucseg_tf.errors import ChoiceError, ImageReadError, NucsegError

T = TypeVar("T")
FEW = (1, 2, 3, 4)  # channels that may be the last axis where none is named
LEAST_SIDE = 8  # px, of an image whose last axis is that
HEAD = 32  # bytes; no signature of the formats known here needs more


class Pixels(Protocol):
    """An array, or what reads pixels when it is indexed as one by whole numbers and slices."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""

    @property
    def dtype(self) -> np.dtype:
        """That of the file."""

    def __getitem__(self, index: tuple[int | slice, ...], /) -> np.ndarray:
        """The pixels chosen; an array, maybe one that is mapped to a file."""


class Stack:
    """Planes that are read when they are asked for, so that a stack needs not fit into memory.

    Args:
        shape: of all, (..., H, W).
        dtype: of the pixels.
        read: gives the plane at an index of the axes before H.
        plane_axes: how many axes a plane has; three, as (H, W, S), with colour samples.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: DTypeLike,
        read: Callable[[tuple[int, ...]], np.ndarray],
        plane_axes: int = 2,
    ):
        self.shape, self.dtype, self._read = tuple(shape), np.dtype(dtype), read
        self._plane_axes = plane_axes

    def __getitem__(self, index: tuple[int | slice, ...], /) -> np.ndarray:
        """Whole numbers drop an axis, slices keep it, as with arrays; an index for every axis."""
        ahead = len(self.shape) - self._plane_axes
        chosen = [
            [number] if isinstance(number, int) else range(length)[number]
            for number, length in zip(index[:ahead], self.shape, strict=False)
        ]
        kept = [len(c) for c, i in zip(chosen, index, strict=False) if isinstance(i, slice)]
        planes = [self._read(place)[index[ahead:]] for place in itertools.product(*chosen)]
        if not kept:
            return planes[0]
        return np.stack(planes).reshape(*kept, *planes[0].shape)


@dataclass(frozen=True)
class Meaning:
    """What stored values stand for.

    Attributes:
        change: from stored values of any shape to what they mean, with `samples` as last axis.
        dtype: of what they mean; None: as stored.
        samples: how many colours a value becomes; 0: it stays one.
    """

    change: Callable[[np.ndarray], np.ndarray]
    dtype: DTypeLike | None = None
    samples: int = 0


@dataclass(frozen=True)
class RawImage:
    """What a file holds, before any choice.

    Attributes:
        data: all planes, in the dtype of the file; `io.images.read_raw` gives bool as uint8.
        axes: one letter per dimension of `data`, as tifffile names them: Y rows, X columns, Z
            planes, C channels, S colour samples, T time, I and Q unnamed.
        alpha: how many of the last samples (axis S) are transparency.
        lossy: whether the compression changes pixel values (JPEG, also inside TIFF).
        pixel_size: width of a pixel, µm, or None.
        pixel_height: its height, µm; None: as wide.
        plane_distance: from one plane (axis Z) to the next, µm, or None.
        channels: names along the channel axis, in their order; empty where there are none.
        aliases: other names that the channels answer to, in the same order; empty likewise.
        meaning: what the values stand for where they are not intensities; see `io.meaning`.
    """

    data: Pixels
    axes: str
    alpha: int = 0
    lossy: bool = False
    pixel_size: float | None = None
    pixel_height: float | None = None
    plane_distance: float | None = None
    channels: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    meaning: Meaning | None = None

    def read_all(self) -> np.ndarray:
        """All planes as one array."""
        return self.data[(slice(None),) * len(self.data.shape)]


class Reader(Protocol):
    """Reads the image files of one format, or of several that one library reads alike.

    Once it is in `registry.READERS`, files with its suffixes are images to every command. Where two
    readers claim a suffix, the one registered first reads it. Derive from this class, for its
    defaults.

    Where a file or folder holds several images (scenes, positions), `scenes` names them and
    `read_scene` reads one; for formats of one image a file, `read` is enough. What is too large to
    be held comes as something that reads planes when they are asked for, such as `Stack`.

    Attributes:
        suffixes: in lower case, with the dot, such as ".tif".
        lossy_suffixes: those of them whose compression changes pixel values, so that no label image
            can have them.
        folders: whether an image is a folder, as in Zarr, not a file.
    """

    suffixes: tuple[str, ...]
    lossy_suffixes: tuple[str, ...] = ()
    folders: bool = False

    def recognises(self, head: bytes) -> bool:
        """Whether a file begins as those of this format do, whatever its name.

        Args:
            head: its first `HEAD` bytes, fewer where it is shorter.
        """

    def suffixes_of(self, head: bytes) -> tuple[str, ...]:
        """Which of `suffixes` fit a file that it recognises; all, as a rule."""
        return self.suffixes

    def read(self, path: Path) -> RawImage:
        """Read the only image of a file, without choosing or scaling anything.

        The file exists, has one of `suffixes` and is not empty: `io.images.read_raw` sees to that,
        and to what the pixels are.

        Raises:
            ImageReadError: with what is wrong, where that is known; if there are several `scenes`,
                with `describe_scenes`. Whatever else a decoder raises becomes one that says the
                file is damaged.
        """

    def is_image(self, folder: Path) -> bool:
        """Whether a folder is one of its images, of readers whose images are folders."""
        return False

    def scenes(self, path: Path) -> tuple[str, ...]:
        """Names of the images that a file holds, in its order; one, "", as a rule."""
        return ("",)

    def read_scene(self, path: Path, number: int) -> RawImage:
        """Read one of `scenes`, as `read` does.

        Args:
            path: as of `read`.
            number: of the scene, from 0.
        """
        return self.read(path)


def channels_last(axes: str, shape: tuple[int, ...]) -> str:
    """Axes that nobody named, with the last as channels where it is too short for columns.

    >>> channels_last("QYX", (400, 480, 2)), channels_last("ZYX", (400, 480, 2))
    ('YXC', 'ZYX')
    """
    ahead = axes[:-2]
    unnamed = bool(ahead) and set(ahead) <= set("QI") and axes.endswith("YX")
    if unnamed and shape[-1] in FEW and min(shape[-3:-1]) >= LEAST_SIDE:
        return ahead[:-1] + "YXC"
    return axes


def describe_scenes(names: Sequence[str]) -> str:
    """What to say where another image of a file was asked for than it has, or none of several."""
    if len(names) == 1:
        return "It holds one image; leave --scene out."
    known = ", ".join(f"{number} {name}".strip() for number, name in enumerate(names))
    return f"It holds {len(names)} images: {known}. Choose with --scene an index, a name or each."


def refuse_several(path: Path, names: Sequence[str]) -> None:
    """Raise ChoiceError unless a file holds one image, so that none need be chosen."""
    if len(names) > 1:
        raise ChoiceError(f"{path}: which image? {describe_scenes(names)}")


def guarded(path: Path, read: Callable[[], T]) -> T:
    """What a reader gives; whatever it raises says which file is damaged."""
    try:
        return read()
    except NucsegError:
        raise
    except MemoryError:
        raise
    except Exception as error:  # decoders raise what they like: struct.error, DeflateError, ...
        raise ImageReadError(
            f"{path}: damaged, cut short, or not the format its name says ({error}). "
            "Copy or export the file again."
        ) from error
