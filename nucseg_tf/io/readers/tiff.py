"""TIFF, with the metadata of OME and ImageJ, by tifffile."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from nucseg_tf.errors import ImageReadError
from nucseg_tf.imaging.scratch import fits, release, scratch
from nucseg_tf.io.photometric import is_lossy, tiff_meaning
from nucseg_tf.io.pixel_size import tiff_channels, tiff_pixel_sizes
from nucseg_tf.io.readers.base import Pixels, RawImage, Reader, Stack, refuse_several
from nucseg_tf.io.readers.tiff_claims import check_metadata, check_pages, check_series

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
            ImageReadError: it has several, or planes are missing.
        """
        return _read(path, None)

    def scenes(self, path: Path) -> tuple[str, ...]:
        """Names of the series, with a number where they are not told apart by them."""
        with _collected_logs(), opened(path) as tiff:
            return _names(tiff)

    def read_scene(self, path: Path, number: int) -> RawImage:
        """Read one series of a file; errors as of `read`."""
        return _read(path, number)


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A file whose pages come to an end, and whose metadata do no harm."""
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        check_pages(path, tiff)
        check_metadata(path, tiff)
        yield tiff


def _names(tiff: Any) -> tuple[str, ...]:
    names = [series.name for series in tiff.series]
    if len(names) == 1:
        return ("",)
    return tuple(
        name if name and names.count(name) == 1 else f"{name or 'series'} {number}"
        for number, name in enumerate(names)
    )


def _read(path: Path, number: int | None) -> RawImage:
    """Read one series, the only one without a number."""
    with _collected_logs() as logs, opened(path) as tiff:
        if number is None:
            refuse_several(path, _names(tiff))
        scene = number or 0
        series = tiff.series[scene]
        check_series(path, series)
        if series.dataoffset is None:  # else one plane lies behind the other
            _refuse_gaps(path, series.pages)
        data, axes = _read_series(tiff, series, path), series.axes
        extra = getattr(series.keyframe, "extrasamples", ())
        alpha = sum(int(sample) in (1, 2) for sample in extra)  # associated or unassociated
        lossy = is_lossy(series.keyframe)
        meaning = tiff_meaning(path, tiff, series.keyframe)
        sizes, channels = tiff_pixel_sizes(tiff, scene), tiff_channels(tiff, scene)
    _refuse_incomplete(path, logs)
    if data.shape != series.shape:
        raise ImageReadError(
            f"{path}: its metadata say {series.shape} px of {axes}, its planes are {data.shape}. "
            "Save the image anew."
        )
    described: dict[str, Any] = {"channels": channels, "meaning": meaning, **asdict(sizes)}
    return RawImage(data, axes, alpha=alpha, lossy=lossy, **described)


def _read_series(tiff: Any, series: Any, path: Path) -> Pixels:
    """All pages; where they are large, mapped to the file, or read one by one if compressed."""
    if fits(series.nbytes):
        return np.asarray(series.asarray())
    if series.dataoffset is not None:
        kind = np.dtype(series.dtype).newbyteorder(tiff.byteorder)
        return np.memmap(path, kind, "r", series.dataoffset, series.shape)
    return _Pages(path, series)


class _Pages(Stack):
    """The pages of a series, each decoded when it is asked for."""

    def __init__(self, path: Path, series: Any):
        self._path, self._pages, self._lock = path, list(series.pages), threading.Lock()
        axes = len(series.keyframe.shape)
        self._ahead = series.shape[: len(series.shape) - axes]
        if math.prod(self._ahead) != len(self._pages):
            raise ImageReadError(
                f"{path}: cut short or incomplete: its planes are not where it says. Copy it again."
            )
        super().__init__(series.shape, series.dtype, self._decode, axes)

    def _decode(self, place: tuple[int, ...]) -> np.ndarray:
        page = self._pages[int(np.ravel_multi_index(place, self._ahead)) if place else 0]
        frame = page.keyframe
        large = not fits(frame.nbytes)
        out = scratch(frame.shaped, frame.dtype) if large else np.zeros(0)
        file = page.parent.filehandle
        with self._lock, _collected_logs() as logs:  # open only now: there may be thousands
            file.open()
            try:
                if large:
                    _decode_page(page, out)
                else:
                    out = page.asarray()
            finally:
                file.close()
        _refuse_incomplete(self._path, logs)
        return out.reshape(frame.shape)


def _refuse_gaps(path: Path, pages: Iterable[Any]) -> None:
    """Refuse planes that no page is told of, which tifffile would fill with zeros in silence."""
    gaps = sum(page is None for page in pages)
    if gaps:
        raise ImageReadError(
            f"{path}: incomplete: planes are missing (its metadata say of {gaps} not where they "
            "are). Copy it again."
        )


def _refuse_incomplete(path: Path, logs: list[str]) -> None:
    for message in logs:
        if any(fatal in message for fatal in _FATAL_LOGS):
            raise ImageReadError(
                f"{path}: cut short or incomplete: planes are missing ({message}). Copy it again."
            )


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
