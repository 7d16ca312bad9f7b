"""Label images inside the image they belong to: `labels/NAME`."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nucseg_tf.errors import LabelError, UsageError
from nucseg_tf.imaging.scratch import strips
from nucseg_tf.io.omezarr.multiscale import (
    Multiscale,
    multiscale_attributes,
    open_level,
    read_multiscale,
)
from nucseg_tf.io.omezarr.pyramid import create_level, fill, nearest, write_plane
from nucseg_tf.io.omezarr.store import added_to, folder_of, open_group, put_ome_attributes

if TYPE_CHECKING:
    import zarr

UINT32_MAX = np.iinfo(np.uint32).max
Place = tuple[int, ...]


def write_labels(
    path: str | os.PathLike[str],
    planes: np.ndarray | Iterable[np.ndarray],
    name: str = "nuclei",
    overwrite: bool = False,
    places: Sequence[Place] | None = None,
    projected: str = "",
) -> Path:
    """Write labels into an image, with as many levels as it has and in its version of OME-Zarr.

    A reader sees all of them or none. Their axes are the image's without channels; one plane at a
    time is held, in blocks.

    Args:
        path: the group of the image.
        planes: (H, W) whole numbers each, 0 background, in the order of `places`; or one array,
            which ends with these two axes.
        name: of the labels.
        overwrite: whether labels of that name are replaced.
        places: of each plane, its index along the axes before H, such as (t, z); the rest of the
            labels is background. None: all there are, in order.
        projected: axes, such as "z", that these labels have only one plane of, which stands for the
            whole of the image's.

    Returns:
        The group of the labels.

    Raises:
        ImageReadError: `path` holds no image.
        LabelError: planes that are no labels, or do not fit the image.
        OutputError: labels of that name are there, or they cannot be written.
        UsageError: `projected` has letters that are no axes before H.
    """
    group = open_group(Path(path), "r+")
    image = read_multiscale(group)
    shapes = [open_level(group, level).shape for level in image.levels]
    held, shapes = _of_labels(image, shapes, projected, name)
    if places is None:
        places = list(itertools.product(*map(range, shapes[0][:-2])))
    if isinstance(planes, np.ndarray):
        planes = planes.reshape(-1, *planes.shape[-2:])
    version = "0.4" if group.metadata.zarr_format == 2 else "0.5"
    with added_to(group, "labels", name, overwrite) as labels:
        said = {"image-label": {"source": {"image": "../../"}}}
        if version == "0.4":
            said["image-label"]["version"] = version  # type: ignore[assignment]
        put_ome_attributes(labels, {"multiscales": multiscale_attributes(held, version), **said})
        levels = [
            create_level(labels, level, shape, np.uint32, held.axes)
            for level, shape in zip(held.levels, shapes, strict=True)
        ]
        _write_finest(Path(path), levels[0], planes, places)
        for fine, coarse in itertools.pairwise(levels):
            fill(coarse, fine, nearest(coarse.shape[-2:]))
    return folder_of(group) / "labels" / name


def _of_labels(
    image: Multiscale, shapes: list[tuple[int, ...]], projected: str, name: str
) -> tuple[Multiscale, list[tuple[int, ...]]]:
    """Metadata and shapes of the labels of an image."""
    if not set(projected) <= set(image.axes[:-2]) - {"c"}:
        raise UsageError(
            f"labels of axes {image.axes} cannot be projected along {projected!r}; "
            "choose of those before y and x"
        )
    axes = [i for i, axis in enumerate(image.axes) if axis != "c"]
    scales, shifts, kept = [], [], []
    for scale, shift, shape in zip(image.scales, image.translations, shapes, strict=True):
        lengths = [shape[i] if image.axes[i] in projected else 1 for i in axes]
        scales.append(tuple(scale[i] * n for i, n in zip(axes, lengths, strict=True)))
        middles = zip(axes, lengths, strict=True)
        shifts.append(tuple(shift[i] + scale[i] * (n - 1) / 2 for i, n in middles))
        kept.append(tuple(1 if image.axes[i] in projected else shape[i] for i in axes))
    held = replace(
        image,
        axes="".join(image.axes[i] for i in axes),
        scales=tuple(scales),
        translations=tuple(shifts),
        units=tuple(image.units[i] for i in axes),
        name=name,
    )
    return held, kept


def _write_finest(
    path: Path, array: zarr.Array, planes: Iterable[np.ndarray], places: Sequence[Place]
) -> None:
    waiting = iter(planes)
    for place in places:
        plane = next(waiting, None)
        if plane is None:
            raise LabelError(f"{path}: {len(places)} planes of labels are wanted, fewer came")
        if plane.shape != array.shape[-2:]:
            raise LabelError(
                f"{path}: labels must be as large as the image, {array.shape[-2:]}. "
                f"Received: {plane.shape}"
            )
        _check(path, plane)
        write_plane(array, place, plane)
    if next(waiting, None) is not None:
        raise LabelError(f"{path}: {len(places)} planes of labels are wanted, more came")


def _check(path: Path, plane: np.ndarray) -> None:
    if plane.dtype.kind not in "iu":
        raise LabelError(f"{path}: labels must be whole numbers. Received: {plane.dtype}")
    for strip in strips(plane):
        low, high = int(strip.min(initial=0)), int(strip.max(initial=0))
        if low < 0 or high > UINT32_MAX:
            raise LabelError(f"{path}: labels must be 0 to {UINT32_MAX}. Received: {low} to {high}")
