"""Label images: (H, W) whole numbers, 0 background, every nucleus a value of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from nucseg_tf.errors import LabelError
from nucseg_tf.imaging.scratch import cut, fits, highest, strips
from nucseg_tf.io.cellpose import read_seg
from nucseg_tf.io.colours import from_colours
from nucseg_tf.io.files import atomic_path
from nucseg_tf.io.images import read_raw
from nucseg_tf.io.numpy_labels import read_array
from nucseg_tf.io.readers.base import RawImage

SEG = "_seg.npy"
INT32_MAX = np.iinfo(np.int32).max
TILE = 512  # px, side of the tiles of large files
BIG = 2**31  # bytes, from which a file is a BigTIFF, should it not compress
UINT16_MAX = np.iinfo(np.uint16).max


def read_labels(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a label image.

    A binary mask (0 and one other value, such as 255) reads as one label with that value. Floating
    point is accepted where every value is whole. Grey stored as RGB, in equal channels, is grey;
    other colours become labels as `colours` says.

    Args:
        path: TIFF, PNG or BMP, or an array: .npy, .npz, or Cellpose's _seg.npy.

    Returns:
        (H, W) int32, values as in the file.

    Raises:
        ImageReadError: the file cannot be read at all.
        LabelError: it can, but it is not a label image.
    """
    path = Path(path)
    name = path.name.lower()
    if name.endswith(SEG):
        plane = read_seg(path)
    else:
        plane = read_array(path) if name.endswith((".npy", ".npz")) else _stored(path)
    if plane.ndim != 2:
        raise LabelError(f"{path}: labels of shape {plane.shape}; expected one plane")
    if np.issubdtype(plane.dtype, np.floating) and not np.all(plane == np.rint(plane)):
        raise LabelError(f"{path}: holds values that are not whole numbers; labels must be")
    low, high = plane.min(), plane.max()
    if low < 0:
        raise LabelError(f"{path}: holds negative values (down to {low}); labels start at 0")
    if high > INT32_MAX:
        raise LabelError(f"{path}: holds values above {INT32_MAX:,} (up to {high})")
    return plane.astype(np.int32)


def read_mask_stack(paths: Sequence[str | os.PathLike[str]]) -> np.ndarray:
    """Merge binary masks, one nucleus per file, as the Data Science Bowl gives them.

    Args:
        paths: mask files of one shape; non-zero is nucleus.

    Returns:
        (H, W) int32, labels 1..N in the order of the files that are not empty. Where masks overlap,
        the first one keeps the pixels.

    Raises:
        LabelError: no files, or masks of different shapes.
    """
    if not paths:
        raise LabelError("no mask files to merge. Received: an empty list")
    labels = (read_labels(paths[0]) > 0).astype(np.int32)
    count = int(labels.any())
    for path in paths[1:]:
        mask = read_labels(path) > 0
        if mask.shape != labels.shape:
            raise LabelError(
                f"{path}: shape {mask.shape} differs from {labels.shape} of {paths[0]}"
            )
        new = mask & (labels == 0)
        count += int(new.any())
        labels[new] = count
    return labels


def write_labels(
    path: str | os.PathLike[str],
    labels: np.ndarray,
    pixel_size: float | None = None,
    aspect: float = 1.0,
    synced: bool = False,
) -> None:
    """Write a label image as zlib-compressed TIFF: uint16, or uint32 above 65,535 labels.

    What is larger than memory should hold comes in tiles, as BigTIFF where 4 GiB might not do.

    Args:
        path: the TIFF file.
        labels: (H, W) of any integer dtype, not negative.
        pixel_size: width of a pixel, µm; written as resolution tags, from which `read_image` gives
            it back.
        aspect: height of a pixel over its width.
        synced: see `atomic_path`.

    Raises:
        LabelError: `labels` is not a label image.
        OutputError: the file cannot be written.
    """
    if labels.ndim != 2 or not np.issubdtype(labels.dtype, np.integer):
        raise LabelError(
            f"{path}: labels must be two-dimensional whole numbers. "
            f"Received: shape {labels.shape}, {labels.dtype}"
        )
    low = min((int(strip.min(initial=0)) for strip in strips(labels)), default=0)
    high = highest(labels)
    if low < 0:
        raise LabelError(f"{path}: labels must not be negative. Received: {low}")
    import tifffile

    resolution = None if pixel_size is None else (1e4 / pixel_size, 1e4 / pixel_size / aspect)
    kind = np.dtype(np.uint16 if high <= UINT16_MAX else np.uint32)
    large = not fits(labels.size * kind.itemsize)
    with atomic_path(path, synced) as temporary:
        tifffile.imwrite(
            temporary,
            _tiles(labels, kind) if large else labels.astype(kind),
            shape=labels.shape,
            dtype=kind,
            tile=(TILE, TILE) if large else None,
            bigtiff=labels.size * kind.itemsize > BIG,
            photometric="minisblack",
            compression="zlib",
            resolution=resolution,
            resolutionunit="CENTIMETER" if resolution else None,
            metadata=None,
        )


def _tiles(labels: np.ndarray, kind: np.dtype) -> Iterator[np.ndarray]:
    """Tiles of (H, W) labels, row by row; those at the ends are filled with 0."""
    for top in range(0, labels.shape[0], TILE):
        for left in range(0, labels.shape[1], TILE):
            part = cut(labels, (slice(top, top + TILE), slice(left, left + TILE)))
            filled = np.zeros((TILE, TILE), kind)
            filled[: part.shape[0], : part.shape[1]] = part
            yield filled


def relabel(labels: np.ndarray) -> np.ndarray:
    """Number labels 1..N without gaps, keeping their order.

    Args:
        labels: (H, W) integers, 0 background; negative values stay.

    Returns:
        (H, W) int32.

    >>> relabel(np.array([[0, 7], [3, 7]])).tolist()
    [[0, 2], [1, 2]]
    """
    values = np.unique(labels[labels > 0])
    return np.where(labels > 0, np.searchsorted(values, labels) + 1, labels).astype(np.int32)


def is_binary(labels: np.ndarray) -> bool:
    """Whether (H, W) labels have one value besides 0."""
    top = labels.max(initial=0)
    return bool(top > 0 and np.all((labels == 0) | (labels == top)))


def split_pieces(labels: np.ndarray) -> np.ndarray:
    """Number what is connected, across corners too: (H, W) int32, 1..N.

    >>> split_pieces(np.array([[9, 0, 9], [0, 0, 0], [9, 0, 0], [0, 9, 0]])).tolist()
    [[1, 0, 2], [0, 0, 0], [3, 0, 0], [0, 3, 0]]
    """
    import cv2

    return cv2.connectedComponents((labels > 0).astype(np.uint8), connectivity=8)[1]


def _stored(path: Path) -> np.ndarray:
    """The plane of an image file."""
    raw = read_raw(path)
    if raw.lossy:
        raise LabelError(
            f"{path}: JPEG compression changes values, so labels are lost. Save as TIFF or PNG."
        )
    return _single_plane(path, raw)


def _single_plane(path: Path, raw: RawImage) -> np.ndarray:
    """Drop axes of length 1, and make labels of colours; of grey stored as RGB, of one of them."""
    data, axes = raw.read_all(), raw.axes
    row, column = axes.find("Y"), axes.find("X")
    if 0 <= column < row:
        data, axes = np.swapaxes(data, row, column), axes.translate({ord("X"): "Y", ord("Y"): "X"})
    if "S" in axes:
        samples = np.moveaxis(data, axes.index("S"), -1)
        opaque = samples[..., -1] if raw.alpha else None
        samples = samples[..., : samples.shape[-1] - raw.alpha]
        data, axes = samples[..., 0], axes.replace("S", "")
        if not np.all(samples == data[..., np.newaxis]):
            plane = _plane_shape(path, raw, data.shape, axes)
            opaque = None if opaque is None else opaque.reshape(plane)
            return from_colours(path, samples.reshape(*plane, -1), opaque)
    return data.reshape(_plane_shape(path, raw, data.shape, axes))


def _plane_shape(path: Path, raw: RawImage, shape: tuple[int, ...], axes: str) -> tuple[int, int]:
    """Rows and columns of what must be a single plane."""
    stacked = [a for a, n in zip(axes, shape, strict=True) if n > 1 and a not in "YX"]
    if stacked or axes.count("Y") != 1 or axes.count("X") != 1:
        raise LabelError(
            f"{path}: has more than two dimensions (shape {raw.data.shape}, axes {raw.axes}); "
            "expected one label plane"
        )
    return shape[axes.index("Y")], shape[axes.index("X")]
