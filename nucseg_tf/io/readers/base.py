"""What a reader of image files is, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

HEAD = 32  # bytes; no signature of the formats known here needs more


@dataclass(frozen=True)
class RawImage:
    """What a file holds, before any choice.

    Attributes:
        data: all planes, in the dtype of the file; `io.images.read_raw` gives bool as uint8.
        axes: one letter per dimension of `data`, as tifffile names them: Y rows, X columns, Z
            planes, C channels, S colour samples, T time, I and Q unnamed.
        alpha: how many of the last samples (axis S) are transparency.
        lossy: whether the compression changes pixel values (JPEG files).
        pixel_size: µm, or None.
    """

    data: np.ndarray
    axes: str
    alpha: int = 0
    lossy: bool = False
    pixel_size: float | None = None


class Reader(Protocol):
    """Reads the image files of one format, or of several that one library reads alike.

    Once it is in `registry.READERS`, files with its suffixes are images to every command. Where two
    readers claim a suffix, the one registered first reads it. Derive from this class, for its
    defaults.

    A reader of fields too large to hold (OME-Zarr, CZI, stacks in HDF5) would add a method that
    gives the axes, shape, dtype and pixel size of a file without its pixels, and another that
    reads one region of one plane; `read` is then all regions of all planes, and who has the two
    asks for no more than was chosen. Where an image is a folder, as in Zarr, `io.images` must learn
    to take that folder for a file: it asks for the suffix in one place, `io.formats`.

    Attributes:
        suffixes: in lower case, with the dot, such as ".tif".
        lossy_suffixes: those of them whose compression changes pixel values, so that no label image
            can have them.
    """

    suffixes: tuple[str, ...]
    lossy_suffixes: tuple[str, ...] = ()

    def recognises(self, head: bytes) -> bool:
        """Whether a file begins as those of this format do, whatever its name.

        Args:
            head: its first `HEAD` bytes, fewer where it is shorter.
        """

    def read(self, path: Path) -> RawImage:
        """Read everything a file holds, without choosing or scaling anything.

        The file exists, has one of `suffixes` and is not empty: `io.images.read_raw` sees to that,
        and to what the pixels are.

        Raises:
            ImageReadError: with what is wrong, where that is known. Whatever else a decoder raises
                becomes one that says the file is damaged.
        """
