"""Reading of one two-dimensional image, whatever its format.

Pixels keep the dtype of the file: nothing is scaled or cast. Which formats there are is the matter
of `io.readers`; which plane is taken where a file holds several, of `io.planes`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from nucseg_tf.errors import ChoiceError, ImageReadError, UsageError
from nucseg_tf.imaging.scratch import strips
from nucseg_tf.io.choices import parse
from nucseg_tf.io.formats import (
    image_suffixes,
    is_image_folder,
    reader_for,
    result_endings,
    suffixes_of_content,
)
from nucseg_tf.io.planes import select_plane
from nucseg_tf.io.readers.base import (
    RawImage,
    Reader,
    channels_last,
    describe_scenes,
    guarded,
)
from nucseg_tf.types import Image

LOG = logging.getLogger(__name__)
LARGEST = float(np.finfo(np.float32).max)
SIZES = (1e-4, 1e4)  # µm of a pixel, from electron microscopes to cameras without a lens
MOST_UNEQUAL = 20.0  # height of a pixel over its width, or the other way round


def read_image(
    path: str | os.PathLike[str],
    channel: int | str | None = None,
    z: int | str | None = None,
    pixel_size: float | None = None,
    invert: bool = False,
) -> Image:
    """Read one plane of an image file.

    Args:
        path: a file with one of `formats.image_suffixes`, or a folder that is an image.
        channel: index from 0, name, "max", or None where the file leaves no choice.
        z: index from 0; "max" or "mean" of all planes, or "focus", the sharpest of them; or None
            where the file leaves no choice.
        pixel_size: µm; wins over what the file says.
        invert: exchange dark and bright.

    Returns:
        The image: pixels (H, W) in the dtype of the file; pixel size in µm from OME or ImageJ
        metadata or plausible resolution tags, else None.

    Raises:
        ImageReadError: the file cannot be read, or it is ambiguous.
        UsageError: `channel`, `z` or `pixel_size` make no sense.
    """
    path, choice = Path(path), parse(channel, z, invert=invert)
    check_pixel_size(pixel_size)
    if not choice.is_one:
        raise UsageError(f"--z: expected an index, max, mean or focus here. Received: {z!r}.")
    raw = read_raw(path)
    return describe(select_plane(path, raw, choice), raw, path, pixel_size)


def check_pixel_size(pixel_size: float | None) -> None:
    """Refuse a pixel size (µm) that no pixel has; UsageError."""
    if pixel_size is not None and not SIZES[0] <= pixel_size <= SIZES[1]:
        raise UsageError(
            f"--pixel-size: expected {SIZES[0]:g} to {SIZES[1]:g} µm. Received: {pixel_size}"
        )


def describe(pixels: np.ndarray, raw: RawImage, path: Path, pixel_size: float | None) -> Image:
    """A plane with what its file says of it, or the user, who wins.

    Sizes that no pixel has, as of a unit that was mistaken, would stretch the image to nonsense:
    they are left out with a warning.
    """
    height, width = raw.pixel_height, raw.pixel_size
    aspect = 1.0 if height is None or width is None else height / width
    possible = width is None or SIZES[0] <= width <= SIZES[1]
    if not possible or not 1 / MOST_UNEQUAL <= aspect <= MOST_UNEQUAL:
        tall = "" if height is None else f" x {height:g}"
        LOG.warning(
            "%s: its pixels are said to be of %g%s µm, which cannot be true; taken for square, of "
            "unknown size. Say it with --pixel-size, or save the image with right sizes",
            path, width, tall,
        )  # fmt: skip
        width, aspect = None, 1.0
    return Image(pixels, width if pixel_size is None else float(pixel_size), path, aspect=aspect)


def check_finite(image: Image) -> None:
    """Raise ImageReadError where a floating-point image holds what is no number of 32 bits."""
    if not np.issubdtype(image.pixels.dtype, np.floating):
        return
    bad = large = 0
    for strip in strips(image.pixels):
        finite = np.isfinite(strip)
        bad += strip.size - int(finite.sum())
        large += int((np.abs(strip[finite]) > LARGEST).sum()) if strip.itemsize > 4 else 0
    if large:
        raise ImageReadError(
            f"{image.path}: {large:,} of {image.pixels.size:,} pixels are beyond {LARGEST:.1e}, "
            "the largest number of 32 bits. Divide all of them, and save the image anew."
        )
    if bad:
        raise ImageReadError(
            f"{image.path}: {bad:,} of {image.pixels.size:,} pixels are not finite (NaN or "
            "infinite). Replace them, for instance with the background, and save the image anew."
        )


def list_images(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Expand files and folders into image files.

    Args:
        paths: files, kept as they are, and folders, replaced by the images directly inside them,
            sorted; hidden files and results of earlier runs (`result_endings`) are left out.

    Returns:
        Image files in the given order, each once.

    Raises:
        UsageError: a path does not exist, or a folder has no images.
    """
    found: dict[Path, Path] = {}
    results = result_endings()
    for path in map(Path, paths):
        if not path.exists() and not path.is_symlink():
            raise UsageError(f"{path}: no such file or folder")
        files = images_in(path) if path.is_dir() and not is_image_folder(path) else [path]
        files = [f for f in files if f == path or not f.name.lower().endswith(results)]
        if not files:
            raise UsageError(
                f"{path}: no images ({', '.join(image_suffixes())}) directly in this folder; "
                "its subfolders are not searched"
            )
        for file in files:
            found.setdefault(Path(os.path.realpath(file)), file)  # of links in a circle, too
    return list(found.values())


def images_in(folder: Path) -> list[Path]:
    """All images directly in a folder that have an image suffix and are not hidden, sorted.

    Links that lead nowhere are among them, so that it is told of each that it cannot be read.
    """
    suffixes = image_suffixes()
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in suffixes
        and not file.name.startswith(".")
        and (file.is_file() or is_image_folder(file) or is_broken_link(file))
    )


def is_broken_link(path: Path) -> bool:
    """Whether a path is a symbolic link to what is not there, or one of a circle of them."""
    return path.is_symlink() and not path.exists()


def read_raw(path: Path, scene: int | str | None = None) -> RawImage:
    """Read everything an image holds; `read_image` and `read_labels` choose from it.

    Args:
        path: file, or folder that is an image.
        scene: index or name of one of `scenes_in`; None: the only one.

    Raises:
        ImageReadError: missing, not a file, empty, of another format, damaged, without pixels, or
            without such a scene.
    """
    reader = find_reader(path)
    if scene is None:
        raw = guarded(path, lambda: reader.read(path))
    else:
        number = _scene_number(path, scene)
        raw = guarded(path, lambda: reader.read_scene(path, number))
    _warn_of_name(path)
    raw = replace(raw, axes=channels_last(raw.axes, raw.data.shape))
    if 0 in raw.data.shape:
        raise ImageReadError(f"{path}: has no pixels (shape {raw.data.shape})")
    if raw.data.dtype == bool:
        return replace(raw, data=raw.read_all().astype(np.uint8))
    if raw.data.dtype.kind not in "uif":
        raise ImageReadError(
            f"{path}: pixels are {raw.data.dtype}; expected whole numbers or floating point"
        )
    return raw


def _warn_of_name(path: Path) -> None:
    """Say that a file is not what its name says; it has been read as what it is."""
    meant = suffixes_of_content(path)
    if meant and path.suffix.lower() in image_suffixes() and path.suffix.lower() not in meant:
        LOG.warning(
            "%s: its content is that of %s; read as that. Rename it", path, " or ".join(meant)
        )


def scenes_in(path: Path) -> tuple[str, ...]:
    """Names of the images that a file holds; errors as of `read_raw`."""
    reader = find_reader(path)
    return guarded(path, lambda: reader.scenes(path))


def shape_of_image(path: Path) -> tuple[int, int]:
    """Rows and columns of an image, whatever planes it has; errors as of `read_raw`."""
    raw = read_raw(path)
    return raw.data.shape[raw.axes.index("Y")], raw.data.shape[raw.axes.index("X")]


def group_of(path: Path, scene: int | str | None = None) -> Path | None:
    """The folder that an image, or a scene of several, is by itself; None of one in a file."""
    if not path.is_dir():
        return None
    return path / scenes_in(path)[0 if scene is None else _scene_number(path, scene)]


def _scene_number(path: Path, scene: int | str) -> int:
    names = scenes_in(path)
    if isinstance(scene, int) and scene < len(names):
        return scene
    if str(scene) in names:
        return names.index(str(scene))
    raise ChoiceError(f"{path}: has no scene {scene!r}. {describe_scenes(names)}")


def find_reader(path: Path) -> Reader:
    """The reader of an image, where it is one that can have pixels; ImageReadError."""
    if is_broken_link(path):
        raise ImageReadError(
            f"{path}: the link leads nowhere (to {path.readlink()}). Restore what it leads to, "
            "or remove the link."
        )
    if not path.exists():
        raise ImageReadError(f"{path}: no such file")
    if not (path.is_file() or path.is_dir()):
        raise ImageReadError(f"{path}: is a pipe or a device; expected an image file")
    reader = reader_for(path)
    if path.is_dir() and not (reader and reader.folders):
        raise ImageReadError(f"{path}: is a folder; expected an image file")
    if reader is None:
        raise ImageReadError(
            f"{path}: unsupported format; expected one of {', '.join(image_suffixes())}. "
            "Export the image as TIFF (Fiji with Bio-Formats opens most microscope formats)."
        )
    if path.is_file() and path.stat().st_size == 0:
        raise ImageReadError(f"{path}: the file is empty (0 bytes). Copy it again.")
    return reader
