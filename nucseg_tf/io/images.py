"""Reading of one two-dimensional image from TIFF, OME-TIFF, ImageJ TIFF, PNG, JPEG or BMP.

Pixels keep the dtype of the file: nothing is scaled or cast. Where a file holds more than one plane
the caller chooses, and nothing is guessed:

- `z` picks from the Z axis or, where the file has none, from its only other stack axis (time T,
  or the unnamed axes I and Q of a multi-page TIFF): an index from 0, or "max" for the maximum
  projection. A file with two such axes, say Z and T, is refused.
- `channel` picks from the channel axis C or the colour samples S: an index from 0, or "max". It
  also picks from an unnamed axis (I, Q) that `z` does not claim. Two cases need no choice: all
  channels are equal (grey stored as RGB), or exactly one of them is not constant. Alpha is ignored.

Letters: Z planes, C channels, H rows, W columns.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nucseg_tf.errors import ImageReadError, UsageError
from nucseg_tf.io.pixel_size import tiff_pixel_size
from nucseg_tf.types import Image

TIFF_SUFFIXES = (".tif", ".tiff")
IMAGE_SUFFIXES = (*TIFF_SUFFIXES, ".png", ".jpg", ".jpeg", ".bmp")
# Results of earlier runs that may lie beside the images.
RESULT_ENDINGS = ("_labels.tif", "_labels.tiff", "_masks.tif", "_masks.tiff", "_overlay.png")
# Rounding between YCbCr and RGB shifts the channels of a grey JPEG by so many levels of 255.
JPEG_TOLERANCE = 3
# What tifffile only logs although the planes concerned are missing from what it returns.
_FATAL_LOGS = ("invalid page offset", "invalid or corrupted file", "are zeroed", "out of range")


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


def read_image(
    path: str | os.PathLike[str],
    channel: int | str | None = None,
    z: int | str | None = None,
    pixel_size: float | None = None,
) -> Image:
    """Read one plane of an image file.

    Args:
        path: a file with one of IMAGE_SUFFIXES.
        channel: index from 0, "max", or None where the file leaves no choice.
        z: index from 0, "max" (maximum projection), or None where the file leaves no choice.
        pixel_size: µm; wins over what the file says.

    Returns:
        The image: pixels (H, W) in the dtype of the file; pixel size in µm from OME or ImageJ
        metadata or plausible resolution tags, else None.

    Raises:
        ImageReadError: the file cannot be read, or it is ambiguous.
        UsageError: `channel`, `z` or `pixel_size` make no sense.
    """
    path = Path(path)
    channel, z = _choice("channel", channel), _choice("z", z)
    if pixel_size is not None and not (math.isfinite(pixel_size) and pixel_size > 0):
        raise UsageError(f"pixel size must be above 0 µm. Received: {pixel_size}")
    raw = read_raw(path)
    pixels = _select_plane(path, raw, channel, z)
    return Image(pixels, raw.pixel_size if pixel_size is None else float(pixel_size), path)


def check_finite(image: Image) -> None:
    """Raise ImageReadError where a floating-point image holds NaN or infinite pixels."""
    if not np.issubdtype(image.pixels.dtype, np.floating):
        return
    bad = image.pixels.size - int(np.isfinite(image.pixels).sum())
    if bad:
        raise ImageReadError(
            f"{image.path}: {bad:,} of {image.pixels.size:,} pixels are not finite (NaN or "
            "infinite). Replace them, for instance with the background, and save the image anew."
        )


def list_images(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Expand files and folders into image files.

    Args:
        paths: files, kept as they are, and folders, replaced by the images directly inside them,
            sorted; hidden files and results of earlier runs (RESULT_ENDINGS) are left out.

    Returns:
        Image files in the given order, each once.

    Raises:
        UsageError: a path does not exist, or a folder has no images.
    """
    found: dict[Path, Path] = {}
    for path in map(Path, paths):
        if not path.exists():
            raise UsageError(f"{path}: no such file or folder")
        files = images_in(path) if path.is_dir() else [path]
        files = [f for f in files if f == path or not f.name.lower().endswith(RESULT_ENDINGS)]
        if not files:
            raise UsageError(
                f"{path}: no images ({', '.join(IMAGE_SUFFIXES)}) directly in this folder; "
                "its subfolders are not searched"
            )
        for file in files:
            found.setdefault(file.resolve(), file)
    return list(found.values())


def images_in(folder: Path) -> list[Path]:
    """All files directly in a folder that have an image suffix and are not hidden, sorted."""
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in IMAGE_SUFFIXES
        and not file.name.startswith(".")
        and file.is_file()
    )


def read_raw(path: Path) -> RawImage:
    """Read everything a file holds; `read_image` and `read_labels` choose from it.

    Raises:
        ImageReadError: missing, not a file, empty, of another format, damaged, or without pixels.
    """
    _check_file(path)
    try:
        raw = _read_tiff(path) if path.suffix.lower() in TIFF_SUFFIXES else _read_plain(path)
    except ImageReadError:
        raise
    except Exception as error:  # decoders raise what they like: struct.error, DeflateError, ...
        raise ImageReadError(
            f"{path}: damaged, cut short, or not the format its name says ({error}). "
            "Copy or export the file again."
        ) from error
    if raw.data.size == 0:
        raise ImageReadError(f"{path}: has no pixels (shape {raw.data.shape})")
    if raw.data.dtype == bool:
        return RawImage(raw.data.astype(np.uint8), raw.axes, raw.alpha, raw.lossy, raw.pixel_size)
    if raw.data.dtype.kind not in "uif":
        raise ImageReadError(
            f"{path}: pixels are {raw.data.dtype}; expected whole numbers or floating point"
        )
    return raw


def _check_file(path: Path) -> None:
    if not path.exists():
        raise ImageReadError(f"{path}: no such file")
    if path.is_dir():
        raise ImageReadError(f"{path}: is a folder; expected an image file")
    if path.suffix.lower() not in IMAGE_SUFFIXES:
        raise ImageReadError(
            f"{path}: unsupported format; expected one of {', '.join(IMAGE_SUFFIXES)}. "
            "Export the image as TIFF (Fiji with Bio-Formats opens most microscope formats)."
        )
    if path.stat().st_size == 0:
        raise ImageReadError(f"{path}: the file is empty (0 bytes). Copy it again.")


def _read_plain(path: Path) -> RawImage:
    """Read PNG, JPEG or BMP with OpenCV, which keeps 16-bit colour exact."""
    import cv2

    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        data = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    finally:
        cv2.utils.logging.setLogLevel(level)
    if data is None:
        raise ImageReadError(
            f"{path}: damaged, cut short, or not the format its name says. "
            "Copy or export the file again."
        )
    lossy = path.suffix.lower() in (".jpg", ".jpeg")
    if data.ndim == 2:
        return RawImage(data, "YX", lossy=lossy)
    if data.shape[2] >= 3:
        data[..., :3] = data[..., 2::-1].copy()  # OpenCV orders blue, green, red
    return RawImage(data, "YXS", alpha=int(data.shape[2] == 4), lossy=lossy)


def _read_tiff(path: Path) -> RawImage:
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
        alpha = sum(int(sample) in (1, 2) for sample in extra)  # associated or unassociated alpha
        pixel_size = tiff_pixel_size(tiff)
    for message in logs:
        if any(fatal in message for fatal in _FATAL_LOGS):
            raise ImageReadError(
                f"{path}: cut short or incomplete: planes are missing ({message}). Copy it again."
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


def _choice(name: str, value: int | str | None) -> int | str | None:
    """Check a `--z` or `--channel` value: an index from 0, "max" or None."""
    with contextlib.suppress(ValueError, TypeError):
        if value is None or value == "max":
            return value
        if int(value) == float(value) >= 0:
            return int(value)
    raise UsageError(f'--{name} must be an index from 0 or "max". Received: {value!r}')


def _select_plane(
    path: Path, raw: RawImage, channel: int | str | None, z: int | str | None
) -> np.ndarray:
    """Reduce a file's planes to (H, W) by the choices made, or say which are missing."""
    stack = _as_zcyx(path, raw, channel, z)
    if channel is None:
        channel = _only_channel(stack, JPEG_TOLERANCE if raw.lossy else 0)
    options = []
    if z is None and len(stack) > 1:
        options.append(f"--z 0..{len(stack) - 1} or --z max")
    if channel is None:
        options.append(f"--channel 0..{stack.shape[1] - 1} or --channel max")
    if options:
        raise ImageReadError(
            f"{path}: holds several planes ({_describe(raw)}). Choose with {' and '.join(options)}."
        )
    planes = _take(path, "z", stack, z)
    return np.ascontiguousarray(_take(path, "channel", planes, channel))


def _as_zcyx(
    path: Path, raw: RawImage, channel: int | str | None, z: int | str | None
) -> np.ndarray:
    """Bring the axes of a file into the order (Z, C, H, W), without alpha."""
    data, axes = raw.data, raw.axes
    if "S" in axes and raw.alpha:
        colours = data.shape[axes.index("S")] - raw.alpha
        data = np.take(data, range(colours), axis=axes.index("S"))
    keep = [i for i, a in enumerate(axes) if a in "YX" or data.shape[i] > 1]
    data = data.reshape([data.shape[i] for i in keep])
    axes = "".join(axes[i] for i in keep)
    extra = [a for a in axes if a not in "YX"]
    channel_axis = next((a for a in "SC" if a in extra), None)
    if channel_axis is None and channel is not None and z is None:
        channel_axis = next((a for a in extra if a in "QI"), None)
    stack_axes = [a for a in extra if a != channel_axis]
    if axes.count("Y") != 1 or axes.count("X") != 1 or len(stack_axes) > 1:
        raise ImageReadError(
            f"{path}: has more axes than can be chosen from ({_describe(raw)}). Save the time "
            "point, position or plane wanted as a file of its own."
        )
    order = [*stack_axes, *([channel_axis] if channel_axis else []), "Y", "X"]
    data = data.transpose([axes.index(a) for a in order])
    if not channel_axis:
        data = np.expand_dims(data, -3)
    return data if stack_axes else data[np.newaxis]


def _only_channel(stack: np.ndarray, tolerance: int) -> int | None:
    """The channel of (Z, C, H, W) that holds all there is to see, or None where it is unclear."""
    channels = stack.shape[1]
    if channels == 1 or np.ptp(stack, axis=1).max() <= tolerance:
        return min(1, channels - 1)  # green, where colours differ by rounding: nearest to luminance
    varying = [c for c in range(channels) if stack[:, c].min() != stack[:, c].max()]
    return varying[0] if len(varying) == 1 else None


def _take(path: Path, name: str, stack: np.ndarray, choice: int | str | None) -> np.ndarray:
    if choice == "max":
        return stack.max(axis=0)
    index = int(choice or 0)
    if index >= len(stack):
        raise ImageReadError(
            f"{path}: --{name} {index} is out of range; this file has 0..{len(stack) - 1}"
        )
    return stack[index]


def _describe(raw: RawImage) -> str:
    axes = ", ".join(f"{a}={n}" for a, n in zip(raw.axes, raw.data.shape, strict=True))
    return f"shape {raw.data.shape}, axes {axes}"
