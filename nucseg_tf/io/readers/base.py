"""What a reader of image files is, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class RawImage:
    """What a file holds, before any choice.

    Attributes:
        data: all planes, in the dtype of the file (bool as uint8).
        axes: one letter per dimension of `data`, as tifffile names them.
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
    """Reads files of one format.

    Attributes:
        suffixes: of its files, in lower case, such as ".tif".
    """

    suffixes: tuple[str, ...]

    def read(self, path: Path) -> RawImage:
        """Read all planes of a file that exists and is not empty.

        Raises:
            ImageReadError: naming the file, what is wrong and what to do. Other exceptions are
                taken as signs of a damaged file.
        """
