"""What a TIFF claims, looked at before tifffile acts on it.

tifffile makes a list as long as the OME metadata say that there are planes, opens whatever file
they name, follows pages that lead back to an earlier one for ever, and asks for as many bytes of a
strip as the file says that it has.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from xml.etree import ElementTree

import numpy as np

from nucseg_tf.errors import ImageReadError, TooLargeError
from nucseg_tf.io import limits
from nucseg_tf.io.plain_xml import parse_text

MOST_PLANES = 10_000_000
_COUNTS = ("SizeZ", "SizeC", "SizeT")
_PLACES = ("PlaneCount", "NumPlanes", "IFD", "FirstZ", "FirstC", "FirstT")


def check_pages(path: Path, tiff: Any) -> None:
    """Refuse pages of which one leads back to itself or an earlier one.

    Raises:
        ImageReadError: they do.
    """
    seen: set[int] = set()
    offset = tiff.pages.first.offset
    while offset:
        if offset in seen:
            raise ImageReadError(
                f"{path}: damaged: page {len(seen)} leads back to an earlier one. Copy it again."
            )
        seen.add(offset)
        offset = _next_page(tiff, offset)


def _next_page(tiff: Any, offset: int) -> int:
    """Where the page after the one at an offset is; 0 where there is none, or the file ends."""
    layout, file = tiff.tiff, tiff.filehandle
    try:
        file.seek(min(offset, file.size))
        (tags,) = struct.unpack(layout.tagnoformat, file.read(layout.tagnosize))
        file.seek(min(offset + layout.tagnosize + tags * layout.tagsize, file.size))
        return int(struct.unpack(layout.offsetformat, file.read(layout.offsetsize))[0])
    except struct.error:  # tifffile tells of it
        return 0


def check_metadata(path: Path, tiff: Any) -> None:
    """Refuse OME metadata that would do harm; what is no XML is left to tifffile.

    Raises:
        ImageReadError: they declare a document type, or name files outside of the folder.
        TooLargeError: they claim more planes than any file has.
    """
    if not (tiff.is_ome and tiff.ome_metadata):
        return
    try:
        root = parse_text(path, tiff.ome_metadata)
    except ElementTree.ParseError:
        return
    for element in root.iter():
        kind = element.tag.rpartition("}")[2]
        if kind == "Pixels":
            _check_count(path, math.prod(_number(element, name, 1) for name in _COUNTS))
        elif kind == "TiffData":
            _check_count(path, max(_number(element, name, 0) for name in _PLACES))
        elif kind == "UUID":
            _check_name(path, element.attrib.get("FileName", ""))


def check_series(path: Path, series: Any) -> None:
    """Refuse a series that its file cannot hold, or whose strips or tiles memory cannot.

    More bytes than the file has are no reason by themselves: some writers give for a strip the
    bytes that it unpacks to.

    Raises:
        TooLargeError: it is so.
    """
    stored = path.stat().st_size
    itemsize = np.dtype(series.dtype).itemsize
    limits.check_windows(series.shape, itemsize, path, stored)
    if series.dataoffset is not None:  # not compressed: read, or mapped, as it lies there
        return
    pages = [page for page in series.pages if page is not None]
    limits.check([max(max(page.databytecounts, default=0) for page in pages)], 1, path, stored)
    frames = {id(page.keyframe): page.keyframe for page in pages}
    for frame in frames.values():
        rows, *rest = frame.chunks
        if not frame.is_tiled:
            rows = min(rows, frame.imagelength)  # "all in one strip" is often 2^32 - 1 rows
        limits.check((rows, *rest), frame.dtype.itemsize, path, stored)


def _number(element: ElementTree.Element, name: str, otherwise: int) -> int:
    text = element.attrib.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 20 else otherwise


def _check_count(path: Path, planes: int) -> None:
    if planes > MOST_PLANES:
        raise TooLargeError(
            f"{path}: its metadata claim {planes:,} planes; {MOST_PLANES:,} are allowed. Save the "
            "image anew."
        )


def _check_name(path: Path, name: str) -> None:
    for kind in (PurePosixPath, PureWindowsPath):
        named = kind(name)
        if named.is_absolute() or named.anchor or ".." in named.parts:
            raise ImageReadError(
                f"{path}: its metadata name a file outside of its folder, {name[:200]!r}. Save the "
                "image anew, with all of its files in one folder."
            )
