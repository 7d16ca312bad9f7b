"""Opens what `nucseg predict` wrote: a folder of results, its run.json, or one label image.

Labels come with features from objects.csv, and with their image where it still is where run.json
says.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nucseg_tf.errors import DataError, NucsegError

if TYPE_CHECKING:
    import pandas as pd

    from nucseg_tf.io.readers.base import RawImage
    from nucseg_tf.io.sources import Source

LOG = logging.getLogger(__name__)
ENDING, RUN = "_labels.tif", "run.json"
MOST = 50  # images that are opened at once
LayerData = tuple[Any, dict[str, Any], str]


def get_reader(path: str | list[str]) -> Callable[[Any], list[LayerData]] | None:
    """A function that reads results, if these are some."""
    paths = [Path(one) for one in ([path] if isinstance(path, str) else path)]
    return read if all(map(_is_result, paths)) else None


def _is_result(path: Path) -> bool:
    if path.is_dir():
        return (path / RUN).is_file() and any(path.glob(f"*{ENDING}"))
    return path.name == RUN or path.name.lower().endswith(ENDING)


def read(path: str | list[str]) -> list[LayerData]:
    """Layers of one or several results.

    Raises:
        DataError: something cannot be read, or there is too much of it.
    """
    files: dict[Path, list[Path]] = {}
    for each in map(Path, [path] if isinstance(path, str) else path):
        folder = each if each.is_dir() else each.parent
        alone = each.name.lower().endswith(ENDING)
        files.setdefault(folder, []).extend([each] if alone else sorted(folder.glob(f"*{ENDING}")))
    for folder, found in files.items():
        if not found:
            raise DataError(
                f"{folder}: has no *{ENDING}; open OME-Zarr with labels inside instead."
            )
        if len(found) > MOST:
            raise DataError(
                f"{folder}: has {len(found)} label images, more than the {MOST} that are opened at "
                f"once. Open some of the *{ENDING}."
            )
    return [
        layer
        for folder, found in files.items()
        for results in [_Results(folder)]
        for file in found
        for layer in results.layers(file)
    ]


class _Results:
    """A folder that `nucseg predict` wrote into.

    Args:
        folder: maybe without run.json and tables.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def layers(self, file: Path) -> Iterator[LayerData]:
        """The image, if it is found, and its labels."""
        from nucseg_tf.integrations.napari.results import describe, number_on

        labels, placed = read_stack(file)
        name = file.name[: -len(ENDING)]
        image = self._image(name)
        if image is not None and image.shape == labels.shape:
            yield image, {"name": name, **placed}, "image"
        said: dict[str, Any] = {"name": f"{name} nuclei", **placed}
        rows = self._rows(name)
        if rows is not None:
            if not self.run["options"]["link"]:
                rows = number_on(labels, rows)
            calibrated = self.run["model"]["scores"] == "confidence"
            said["features"] = describe(labels, rows, calibrated)
            said["metadata"] = {"nucseg": {"model": self.run["model"]["name"], "objects": rows}}
        yield labels, said, "labels"

    @cached_property
    def run(self) -> dict[str, Any]:
        """What run.json says; {} without one that `nucseg predict` wrote."""
        try:
            run = json.loads((self.folder / RUN).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise DataError(f"{self.folder / RUN}: cannot be read: {error}") from error
        return run if isinstance(run, dict) and run.get("command") == "predict" else {}

    @cached_property
    def _entries(self) -> dict[str, dict[str, Any]]:
        """What run.json says of each image, by name."""
        return {entry["name"]: entry for entry in self.run.get("images", [])}

    @cached_property
    def _objects(self) -> pd.DataFrame | None:
        import pandas as pd

        for kind, reader in (("csv", pd.read_csv), ("parquet", pd.read_parquet)):
            if (file := self.folder / f"objects.{kind}").is_file():
                return reader(file)
        return None

    def _rows(self, name: str) -> pd.DataFrame | None:
        """The nuclei of an image, if there is a table of them that fits its labels."""
        from nucseg_tf.io.cells import as_cell

        entry, objects = self._entries.get(name), self._objects
        if entry is None or objects is None:
            return None
        own = list(entry)[: list(entry).index("name")]  # what says in tables where nuclei are from
        for column in own:
            value = entry[column]
            objects = objects[
                objects[column] == (as_cell(value) if isinstance(value, str) else value)
            ]
        return objects.reset_index(drop=True)

    @cached_property
    def _sources(self) -> dict[str, Source]:
        """Where the images were, by name; {} if they are there no more."""
        from nucseg_tf.io.plates.sources import find_sources

        options = self.run.get("options")
        if options is None:
            return {}
        paths = [Path(path) for path in self.run["paths"]]
        try:
            found = find_sources(paths, options["scene"], options["pattern"], options["columns"])
        except NucsegError as error:
            LOG.warning("labels are shown without their images: %s", error)
            return {}
        return {source.name: source for source in found}

    def _image(self, name: str) -> np.ndarray | None:
        """What was predicted, of the same axes as its labels."""
        from nucseg_tf.inference.options import Options
        from nucseg_tf.inference.stages.read import Read
        from nucseg_tf.io.sources import find_views

        source = self._sources.get(name)
        if source is None:
            return None
        known = {field.name for field in fields(Options)} & set(self.run["options"])
        options = Options(**{name: self.run["options"][name] for name in known})
        series = find_views(source, options.choice)
        reader = Read(options)
        try:
            planes = [reader(view).pixels for view in series.views]
        except NucsegError as error:
            LOG.warning("labels are shown without their image: %s", error)
            return None
        lengths = [length for length in series.shape if length is not None]
        return np.stack(planes).reshape(*lengths, *planes[0].shape)


def read_stack(file: Path) -> tuple[np.ndarray, dict[str, Any]]:
    """A label image: (..., H, W) int32, and the arguments that place it.

    Raises:
        DataError: it cannot be read.
    """
    from nucseg_tf.io.images import read_raw

    raw = read_raw(file)
    if raw.data.dtype.kind not in "ui":
        raise DataError(f"{file}: pixels are {raw.data.dtype}; labels are whole numbers")
    axes = "".join(axis for axis in raw.axes if axis in "TZYX")
    others = tuple(n for n, axis in enumerate(raw.axes) if axis not in "TZYX")
    return np.squeeze(raw.read_all(), others).astype(np.int32), _placed(raw, axes)


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
