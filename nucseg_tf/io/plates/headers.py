"""The size of an image, without its pixels where the format allows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nucseg_tf.errors import ImageReadError
from nucseg_tf.io.formats import reader_for
from nucseg_tf.io.images import read_raw
from nucseg_tf.io.pixel_size import tiff_pixel_sizes
from nucseg_tf.io.readers.omezarr import READER
from nucseg_tf.io.readers.tiff import opened
from nucseg_tf.registry import READERS


@dataclass(frozen=True)
class Header:
    """What an image file says of itself.

    Attributes:
        shape: (H, W).
        pixel_size: µm, or None.
    """

    shape: tuple[int, int]
    pixel_size: float | None


def read_header(path: Path) -> Header:
    """The header of an image; files of other formats than TIFF are read whole.

    Raises:
        ImageReadError: it cannot be read.
    """
    if reader_for(path) is not READERS["tiff"]:
        raw = READER.read(path) if path.is_dir() else read_raw(path)
        height, width = (raw.data.shape[raw.axes.index(axis)] for axis in "YX")
        return Header((height, width), raw.pixel_size)
    try:
        with opened(path) as tiff:
            page = tiff.pages.first
            return Header((page.imagelength, page.imagewidth), tiff_pixel_sizes(tiff).pixel_size)
    except Exception as error:  # decoders raise what they like
        raise ImageReadError(f"{path}: cannot be read ({error}). Copy it again.") from error
