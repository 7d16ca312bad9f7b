"""Images as OME-Zarr, level by level."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nucseg_tf.errors import DataError
from nucseg_tf.io.omezarr.multiscale import Multiscale, multiscale_attributes
from nucseg_tf.io.omezarr.pyramid import create_level, fill, halved, means, tiles
from nucseg_tf.io.omezarr.store import VERSIONS, put_ome_attributes, whole_group
from nucseg_tf.io.readers.base import Pixels

if TYPE_CHECKING:
    import zarr

ALL_AXES = "TCZYX"
COLOURS = ("0000FF", "00FF00", "FF0000", "FF00FF", "00FFFF", "FFFF00")  # of channels, in turn


def write_image(
    path: str | os.PathLike[str],
    data: Pixels,
    axes: str = "YX",
    channels: Sequence[str] = (),
    pixel_size: float | None = None,
    plane_distance: float | None = None,
    version: str = "0.5",
    levels: int | None = None,
    overwrite: bool = False,
) -> None:
    """Write an image whole, or not at all; levels are means of 2 x 2 pixels.

    Args:
        path: the group; the folder it lies in must exist.
        data: an array, or something that is read in blocks.
        axes: a letter a dimension, some of TCZYX in this order.
        channels: their names, as many as there are; or none.
        pixel_size: µm, of rows and columns.
        plane_distance: µm, along Z.
        version: of OME-Zarr, "0.4" or "0.5".
        levels: how many resolutions; None: as `pyramid.halved`.
        overwrite: whether what is there is replaced.

    Raises:
        DataError: axes, channels or version that make no sense.
        OutputError: the image is there, or cannot be written.
    """
    path = Path(path)
    _check(path, data, axes, channels, version)
    shapes = halved(tuple(data.shape), levels)
    with whole_group(path, VERSIONS[version], overwrite) as group:
        arrays = [
            create_level(group, str(number), shape, data.dtype.newbyteorder("="), axes.lower())
            for number, shape in enumerate(shapes)
        ]
        for place in itertools.product(*map(range, shapes[0][:-2])):
            for block in tiles(shapes[0][-2:]):
                arrays[0][(*place, *block)] = data[(*place, *block)]
        for fine, coarse in itertools.pairwise(arrays):
            fill(coarse, fine, means)
        image = _describe(path, axes.lower(), len(shapes), pixel_size, plane_distance)
        said: dict[str, Any] = {"multiscales": multiscale_attributes(image, version)}
        if "C" in axes:
            names = channels or [f"channel {i}" for i in range(data.shape[axes.index("C")])]
            said["omero"] = {"channels": _omero(arrays[-1], axes.index("C"), names)}
        put_ome_attributes(group, said)


def _check(path: Path, data: Pixels, axes: str, channels: Sequence[str], version: str) -> None:
    ordered = "".join(axis for axis in ALL_AXES if axis in axes)
    if axes != ordered or not axes.endswith("YX") or len(axes) != len(data.shape):
        raise DataError(
            f"{path}: axes must be some of {ALL_AXES} in this order, a letter a dimension. "
            f"Received: {axes!r} for shape {tuple(data.shape)}"
        )
    if channels and ("C" not in axes or len(channels) != data.shape[axes.index("C")]):
        raise DataError(
            f"{path}: {len(channels)} names do not fit shape {tuple(data.shape)}, {axes}"
        )
    if version not in VERSIONS:
        raise DataError(f"{path}: OME-Zarr {version!r} is not known; expected {list(VERSIONS)}")


def _describe(
    path: Path, axes: str, count: int, pixel_size: float | None, plane_distance: float | None
) -> Multiscale:
    sizes = {"y": pixel_size, "x": pixel_size, "z": plane_distance}
    factors = [{"y": 2**level, "x": 2**level} for level in range(count)]
    return Multiscale(
        axes,
        tuple(map(str, range(count))),
        tuple(
            tuple(float((sizes.get(axis) or 1) * factor.get(axis, 1)) for axis in axes)
            for factor in factors
        ),
        tuple((0.0,) * len(axes) for _ in range(count)),
        tuple("micrometer" if sizes.get(axis) else "" for axis in axes),
        path.stem,
    )


def _omero(coarse: zarr.Array, axis: int, names: Sequence[str]) -> list[dict[str, Any]]:
    """Channels with names and colours, shown from the lowest to the highest of the coarsest."""
    top = float(np.iinfo(coarse.dtype).max) if coarse.dtype.kind in "iu" else 1.0
    channels = []
    for number, name in enumerate(names):
        pixels = coarse[(slice(None),) * axis + (number,)]
        low, high = float(pixels.min()), float(pixels.max())
        window = {"min": 0.0, "max": max(top, high), "start": low, "end": max(high, low + 1)}
        colour = COLOURS[number % len(COLOURS)]
        channels.append({"label": str(name), "color": colour, "active": True, "window": window})
    return channels
