"""TIFF, with the metadata of OME and ImageJ, by tifffile."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from nucseg_tf.errors import ImageReadError
from nucseg_tf.imaging.scratch import fits, release, scratch
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
            data, axes = _read_series(tiff, series, path), series.axes
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


def _read_series(tiff: Any, series: Any, path: Path) -> np.ndarray:
    """All pages; where they are large, mapped to the file, or to a temporary one if compressed."""
    if fits(series.nbytes):
        return np.asarray(series.asarray())
    if series.dataoffset is not None:
        kind = np.dtype(series.dtype).newbyteorder(tiff.byteorder)
        return np.memmap(path, kind, "r", series.dataoffset, series.shape)
    out = scratch(series.shape, series.dtype)
    for page, plane in zip(series.pages, out.reshape(len(series.pages), -1), strict=True):
        _decode_page(page, plane.reshape(page.keyframe.shaped))
    return out


def _decode_page(page: Any, out: np.ndarray) -> None:
    """Decode a page strip by strip, or tile by tile.

    Args:
        page: of tifffile.
        out: (planes, depth, H, W, samples) to fill.
    """
    frame = page.keyframe
    size = np.array([frame.imagedepth, frame.imagelength, frame.imagewidth])
    for segment, (plane, *corner, _), shape in page.segments(maxworkers=1):
        first = np.array(corner)
        last = np.minimum(first + shape[:3], size)
        place = (plane, *map(slice, first, last))
        inner = tuple(map(slice, last - first))
        out[place] = frame.nodata if segment is None else segment[inner]
        release(out)


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
