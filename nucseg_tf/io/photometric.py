"""What the values of a TIFF mean, by its tag PhotometricInterpretation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nucseg_tf.errors import ImageReadError
from nucseg_tf.io.meaning import inverted, of_colours
from nucseg_tf.io.readers.base import Meaning

WHITE_IS_ZERO, PALETTE, YCBCR = 0, 3, 6
TAG = 262
# Spaces whose numbers are no intensities: dark where they are high, differences of colours, or
# colours pixel by pixel. https://www.awaresystems.be/imaging/tiff/tifftags/photometricinterpretation.html
REFUSED = {
    5: "CMYK or other inks",
    YCBCR: "YCbCr",
    8: "CIE L*a*b*",
    9: "ICC L*a*b*",
    10: "ITU L*a*b*",
    32803: "a colour filter array, not developed",
    32844: "logarithms of luminance (LogL)",
    32845: "logarithms of luminance and colours (LogLuv)",
}
# Compressions whose decoders give RGB of YCbCr: JPEG of all kinds, and JPEG 2000 of Aperio.
JPEG = (6, 7, 33007, 34892)
TURNED_TO_RGB = (*JPEG, 33003, 33005)


def tiff_meaning(path: Path, tiff: Any, page: Any) -> Meaning | None:
    """What the stored values of a page stand for; None: they are intensities.

    Args:
        path: for messages.
        tiff: of tifffile.
        page: its page, that stands for a series.

    Raises:
        ImageReadError: they are colours of a kind that is not read.
    """
    if TAG not in page.tags:  # tifffile says 0 then
        return None
    kind = int(page.photometric)
    # A single bit is a mask, which tifffile and others write as 1 in what it marks, with this tag.
    if kind == WHITE_IS_ZERO and int(page.bitspersample) > 1:
        return inverted(int(page.bitspersample))
    if kind == PALETTE and page.colormap is not None:
        table = _narrowed(np.asarray(page.colormap).T)
        return of_colours(table, for_display=bool(tiff.is_imagej or tiff.is_ome))
    if kind in REFUSED and not (kind == YCBCR and int(page.compression) in TURNED_TO_RGB):
        raise ImageReadError(
            f"{path}: its values are {REFUSED[kind]}, not intensities. Save it as grey or RGB."
        )
    return None


def is_lossy(page: Any) -> bool:
    """Whether its compression changes pixel values: JPEG, which of more than 8 bits is lossless."""
    return int(page.compression) in JPEG and int(page.bitspersample) <= 8


def _narrowed(table: np.ndarray) -> np.ndarray:
    """A table (V, 3) of 16 bits as one of 8, where it was made of that.

    Programs make 16 bits of 8 by times 257 or 256; some leave them as they are.
    """
    for factor in (257, 256):
        if not np.any(table % factor):
            return (table // factor).astype(np.uint8)
    return table.astype(np.uint8 if table.max() < 256 else np.uint16)
