"""Copies of a field's files as they are at one moment."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

from nucseg_tf.annotation.editor.planes import PlaneChoice, read_plane
from nucseg_tf.annotation.loop.accepted import Accepted, acceptances, joined
from nucseg_tf.data.regions import read_regions, regions_path
from nucseg_tf.errors import DataError
from nucseg_tf.io.files import atomic_path, ensure_folder
from nucseg_tf.io.images import check_finite
from nucseg_tf.io.names import stem_of
from nucseg_tf.types import Box

# A mask is whole if it is the one that the journal records. Where there is no such record, or where
# another program replaced the mask, it is if it stays as it is for a moment.
TRIES, PAUSE = 20, 0.1  # s


def copy_mask(one: Accepted, root: Path) -> tuple[Path, str, tuple[Box, ...]]:
    """Copy the mask of a field as it is at one moment.

    Args:
        one: the field.
        root: folder for the copy, which is called by the key of the field.

    Returns:
        The copy, the hash of mask and regions (see `accepted.digest_of`), and the regions.

    Raises:
        DataError: it does not stay as it is for a moment, or cannot be read.
    """
    mask, regions = _settled(one)
    copy = root / f"{one.field.key}{one.mask.name.removeprefix(stem_of(one.mask))}"
    ensure_folder(copy.parent)
    copy.write_bytes(mask)
    if regions:
        regions_path(copy).write_bytes(regions)
    digest = joined(*(hashlib.sha256(part).hexdigest() if part else "" for part in (mask, regions)))
    return copy, digest, read_regions(copy)


def _settled(one: Accepted) -> tuple[bytes, bytes]:
    """What is in a mask and in the file of its regions, b"" without; of one moment."""
    seen = None
    for _ in range(TRIES):
        content = _content(one.mask)
        if content is not None:
            entries = acceptances(one.field.state)
            accepted = entries and hashlib.sha256(content[0]).hexdigest() == entries[-1]["sha256"]
            if content == seen or (accepted and not content[1]):
                return content
        seen = content
        time.sleep(PAUSE)
    raise DataError(
        f"{one.mask}: changes all the time. Wait until the program that writes it is done, and "
        "train again."
    )


def _content(mask: Path) -> tuple[bytes, bytes] | None:
    """What `_settled` gives, of now; None while one of them is replaced."""
    side = regions_path(mask)
    try:
        return mask.read_bytes(), side.read_bytes() if side.is_file() else b""
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DataError(f"{mask}: cannot be read: {error.strerror}") from error


def copy_plane(one: Accepted, choice: PlaneChoice, root: Path) -> Path:
    """Write the plane of an image that was annotated as an image of its own, with bright nuclei.

    Args:
        one: the field.
        choice: of the project.
        root: folder for it; it is called by the key of the field.

    Raises:
        ImageReadError: the image cannot be read, or has no such plane.
    """
    import tifffile

    image = read_plane(one.field.image, choice)
    check_finite(image)
    copy = root / f"{one.field.key}.tif"
    ensure_folder(copy.parent)
    size = image.pixel_size
    with atomic_path(copy) as temporary:
        tifffile.imwrite(
            temporary,
            image.pixels,
            photometric="minisblack",
            compression="zlib",  # without a predictor, which ImageJ does not undo
            resolution=None if size is None else (1e4 / size, 1e4 / size / image.aspect),
            resolutionunit=None if size is None else "CENTIMETER",
            metadata=None,
        )
    return copy
