"""TIFF, with the metadata of OME and ImageJ, by tifffile."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from nucseg_tf.errors import ImageReadError
from nucseg_tf.io.pixel_size import tiff_pixel_size
from nucseg_tf.io.readers.base import RawImage, Reader

# Byte order, then 42 (TIFF) or 43 (BigTIFF) in that order.
_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# What tifffile only logs although the planes concerned are missing from what it returns.
_FATAL_LOGS = ("invalid page offset", "invalid or corrupted file", "are zeroed", "out of range")


class TiffReader(Reader):
    """All pages of a TIFF as one array, with alpha and the pixel size."""

    suffixes = (".tif", ".tiff")

    def recognises(self, head: bytes) -> bool:
        """Whether it is a TIFF or BigTIFF, of either byte order."""
        return head.startswith(_SIGNATURES)

    def read(self, path: Path) -> RawImage:
        """Read a file of one series.

        Raises:
            ImageReadError: images of different shapes in one file, or planes are missing.
        """
        import tifffile

        with _collected_logs() as logs, tifffile.TiffFile(path) as tiff:
            if len(tiff.series) != 1:
                raise ImageReadError(
                    f"{path}: holds {len(tiff.series)} images of different shapes. "
                    "Save the one wanted as a file of its own."
                )
            series = tiff.series[0]
            data, axes = np.asarray(series.asarray()), series.axes
            extra = getattr(series.keyframe, "extrasamples", ())
            alpha = sum(int(sample) in (1, 2) for sample in extra)  # associated or unassociated
            pixel_size = tiff_pixel_size(tiff)
        for message in logs:
            if any(fatal in message for fatal in _FATAL_LOGS):
                raise ImageReadError(
                    f"{path}: cut short or incomplete: planes are missing ({message}). "
                    "Copy it again."
                )
        return RawImage(data, axes, alpha=alpha, pixel_size=pixel_size)


@contextmanager
def _collected_logs() -> Iterator[list[str]]:
    """Keep tifffile's messages of this thread from the terminal, and hand them over."""
    thread, messages = threading.get_ident(), []

    def collect(record: logging.LogRecord) -> bool:
        if record.thread != thread:
            return True
        messages.append(record.getMessage())
        return False

    logger = logging.getLogger("tifffile")
    logger.addFilter(collect)
    try:
        yield messages
    finally:
        logger.removeFilter(collect)


READER = TiffReader()
