"""Images that are dropped on the page.

A file comes in pieces into a hidden file of the images folder, is read as an image, and only then
gets its name, if that is free. What is cut short, too long or no image leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import math
import os
import struct
from collections.abc import AsyncIterator, Collection, Sequence
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from nucseg_tf.annotation.editor.message import EditError
from nucseg_tf.annotation.editor.names import plain_name
from nucseg_tf.annotation.editor.pictures import MAX_PIXELS
from nucseg_tf.annotation.editor.planes import CHOICE
from nucseg_tf.annotation.editor.project import Project
from nucseg_tf.data.layouts import MASK_ENDINGS
from nucseg_tf.errors import ImageReadError, OutputError
from nucseg_tf.io.formats import result_endings
from nucseg_tf.io.images import read_raw
from nucseg_tf.io.names import stem_of
from nucseg_tf.io.readers.base import guarded
from nucseg_tf.registry import READERS

HIDDEN = ".upload-"
PIECE = 2**20  # bytes that are written at once
GIGABYTE = 10**9


class UploadError(EditError):
    """A file that is not taken in."""


class TooLargeUploadError(UploadError):
    """A file above the limit."""


def upload_suffixes() -> tuple[str, ...]:
    """Those of images that are one file."""
    found = {suffix for reader in READERS if not reader.folders for suffix in reader.suffixes}
    return tuple(sorted(found))


def check_name(name: str, project: Project, coming: Collection[str] = ()) -> Path:
    """Where a file of this name goes.

    Args:
        name: as the page sent it.
        project: that it goes into.
        coming: stems of files on their way, in lower case.

    Raises:
        EditError: the name makes no sense, or is taken.
    """
    plain = plain_name(name)
    target = project.images / plain
    if target.suffix.lower() not in upload_suffixes():
        raise UploadError(f"{plain}: no image; expected one of {', '.join(upload_suffixes())}")
    stem = stem_of(target)
    ours = stem.lower() == CHOICE  # the folder of its work would have the name of that file
    if ours or stem.endswith(MASK_ENDINGS) or plain.lower().endswith(result_endings()):
        raise UploadError(
            f"{plain}: is named as labels or results are; rename it, or put labels into masks/"
        )
    taken = {key.lower() for key in list(project.fields)} | set(coming)
    if target.exists() or stem.lower() in taken:
        raise UploadError(f"{plain}: there is a field of that name already; nothing was replaced")
    return target


async def receive(pieces: AsyncIterator[bytes], target: Path, limit: int) -> None:
    """Write a file as it comes, and give it its name when it was read as an image.

    Args:
        pieces: of its content.
        target: its path, from `check_name`.
        limit: bytes at most.

    Raises:
        UploadError: it is too large, cut short or no image, or its name was taken meanwhile.
        OutputError: it cannot be written.
    """
    temporary = target.with_name(f"{HIDDEN}{uuid4().hex[:12]}{target.suffix}")
    try:
        with temporary.open("xb") as file:
            await _copy(pieces, file, target.name, limit)
        await run_in_threadpool(_check, temporary, target.name)
        _give_name(temporary, target)
    except ClientDisconnect as error:
        raise UploadError(f"{target.name}: was cut short") from error
    except OSError as error:
        raise OutputError(
            f"{target}: cannot be written: {error.strerror}. Make space, and drop it again."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


async def _copy(pieces: AsyncIterator[bytes], file: BinaryIO, name: str, limit: int) -> None:
    held, total = bytearray(), 0
    async for piece in pieces:
        total += len(piece)
        if total > limit:
            raise TooLargeUploadError(
                f"{name}: is too large; expected {limit / GIGABYTE:g} GB at most, see --max-upload"
            )
        held += piece
        if len(held) >= PIECE:
            await run_in_threadpool(file.write, bytes(held))
            held.clear()
    await run_in_threadpool(file.write, bytes(held))
    await run_in_threadpool(_sync, file)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _check(temporary: Path, name: str) -> None:
    """Refuse what cannot be read as an image; which plane of it is asked later.

    Of a file of some kB that claims to be an image of some GB, nothing is decoded.
    """
    try:
        _check_size(_png_shape(temporary), name)
        raw = read_raw(temporary)
        _check_size([raw.data.shape[raw.axes.index(axis)] for axis in "YX"], name)
        first = tuple(slice(None) if axis in "YX" else 0 for axis in raw.axes)
        guarded(temporary, lambda: raw.data[first])
    except ImageReadError as error:
        raise UploadError(str(error).replace(str(temporary), name)) from error


def _check_size(shape: Sequence[int], name: str) -> None:
    if math.prod(shape) > MAX_PIXELS:
        raise UploadError(
            f"{name}: a browser shows {MAX_PIXELS:,} pixels at most. Cut it into tiles. Received: "
            f"shape {tuple(shape)}"
        )


def _png_shape(path: Path) -> tuple[int, int]:
    """Rows and columns by the header of a PNG file, which is decoded as a whole; (0, 0) of others.

    TIFF files that are large come plane by plane, and formats of microscopes from their headers.
    """
    with path.open("rb") as file:
        head = file.read(24)
    if len(head) < 24 or head[:8] != b"\x89PNG\r\n\x1a\n":
        return 0, 0
    columns, rows = struct.unpack(">II", head[16:])
    return rows, columns


def _give_name(temporary: Path, target: Path) -> None:
    try:
        os.link(temporary, target)  # unlike a rename, this never replaces
    except FileExistsError as error:
        raise UploadError(f"{target.name}: is there already; nothing was replaced") from error
    except OSError:  # a file system without links
        if target.exists():
            raise UploadError(f"{target.name}: is there already; nothing was replaced") from None
        temporary.rename(target)


def sweep(project: Project) -> None:
    """Remove what a server that was killed left of files on their way."""
    for path in project.images.glob(f"{HIDDEN}*"):
        with contextlib.suppress(OSError):
            path.unlink()
