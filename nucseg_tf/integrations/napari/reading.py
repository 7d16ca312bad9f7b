"""Opens what `nucseg predict` wrote: a folder of results, its run.json, or single label images.

Labels come with features from the table of nuclei, and with their image where it still is where
run.json says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.notifications import show_warning

from nucseg_tf.errors import DataError
from nucseg_tf.integrations.napari.folder import Folder
from nucseg_tf.io.labels import INT32_MAX
from nucseg_tf.screening.results import RECORD

if TYPE_CHECKING:
    from nucseg_tf.io.readers.base import RawImage

ENDING = "_labels.tif"
MOST = 50  # label images that are opened at once
LayerData = tuple[Any, dict[str, Any], str]


def get_reader(path: str | list[str]) -> Callable[[Any], list[LayerData]] | None:
    """A function that reads results, if these are some."""
    paths = [Path(one) for one in ([path] if isinstance(path, str) else path)]
    return read if all(map(_is_result, paths)) else None


def _is_result(path: Path) -> bool:
    if path.is_dir():
        return (path / RECORD).is_file() and any(path.glob(f"*{ENDING}"))
    return path.name == RECORD or path.name.endswith(ENDING)


def read(path: str | list[str]) -> list[LayerData]:
    """Layers of one or several results.

    Raises:
        DataError: labels cannot be read, or there are too many.
    """
    paths = map(Path, [path] if isinstance(path, str) else path)
    files = [file for one in paths for file in _label_images(one)]
    if len(files) > MOST:
        raise DataError(
            f"{files[0].parent}: has {len(files)} label images, more than the {MOST} that are "
            f"opened at once. Open some of the *{ENDING}."
        )
    folders = {path: Folder(path) for path in {file.parent for file in files}}
    return [layer for file in files for layer in _layers(folders[file.parent], file)]


def _label_images(path: Path) -> list[Path]:
    if path.name.endswith(ENDING):
        return [path]
    folder = path if path.is_dir() else path.parent
    found = sorted(folder.glob(f"*{ENDING}"))
    if not found:
        raise DataError(f"{folder}: has no *{ENDING}; open OME-Zarr with labels inside instead.")
    return found


def _layers(folder: Folder, file: Path) -> Iterator[LayerData]:
    """The image, if it is found, and its labels."""
    from nucseg_tf.integrations.napari.results import describe, fit, number_on, planes_of

    labels, placed = read_stack(file)
    name = file.name.removesuffix(ENDING)
    said: dict[str, Any] = {"name": f"{name} nuclei", **placed}
    rows = folder.rows(name)
    if rows is not None:
        image = folder.image(name)
        if image is not None and image.shape == labels.shape:
            yield image, {"name": name, **placed}, "image"
        where = planes_of(labels, rows, folder.first_time)
        if fit(labels, rows, where):
            if not folder.options.link:
                rows = number_on(labels, rows, where)
            model = folder.record["model"]
            said["features"] = describe(labels, rows, where, model["scores"] == "confidence")
            said["metadata"] = {"nucseg": {"model": model["name"], "objects": rows}}
        else:
            show_warning(f"{file}: was changed since it was predicted; shown without measurements.")
    yield labels, said, "labels"


def read_stack(file: Path) -> tuple[np.ndarray, dict[str, Any]]:
    """A label image: (..., H, W) int32, and the arguments that place it.

    Raises:
        DataError: it cannot be read.
    """
    from nucseg_tf.io.images import read_raw

    raw = read_raw(file)
    others = tuple(number for number, axis in enumerate(raw.axes) if axis not in "TZYX")
    if raw.data.dtype.kind not in "ui" or any(raw.data.shape[number] > 1 for number in others):
        raise DataError(
            f"{file}: expected labels, whole numbers of one channel. "
            f"Received: {raw.data.dtype} with axes {raw.axes}."
        )
    labels = np.squeeze(raw.read_all(), others)
    if labels.size and not 0 <= int(labels.min()) <= int(labels.max()) <= INT32_MAX:
        raise DataError(f"{file}: labels must be 0 to {INT32_MAX:,}")
    return labels.astype(np.int32), _placed(raw, "".join(a for a in raw.axes if a in "TZYX"))


def _placed(raw: RawImage, axes: str) -> dict[str, Any]:
    width = raw.pixel_size
    height = width if raw.pixel_height is None else raw.pixel_height
    sizes = {"Z": raw.plane_distance, "Y": height, "X": width}
    known = [sizes.get(axis) for axis in axes]
    return {
        "scale": [1.0 if size is None else size for size in known],
        "units": ["pixel" if size is None else "micrometer" for size in known],
        "axis_labels": list(axes.lower()),
    }
