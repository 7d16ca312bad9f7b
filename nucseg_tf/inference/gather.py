"""The planes of a source, done one after another, become one label image, linked or not."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from nucseg_tf.imaging.scratch import cut, put, scratch
from nucseg_tf.inference.inside import write_inside
from nucseg_tf.inference.link import PlaneLinker, link_frames
from nucseg_tf.inference.quality import of_stack
from nucseg_tf.inference.runner import Way
from nucseg_tf.inference.stages.write import LABELS
from nucseg_tf.io.sources import Series
from nucseg_tf.io.stacks import write_label_stack
from nucseg_tf.io.tables import Table


class Planes:
    """The planes of a source that are done.

    Args:
        series: all of them.
        link: whether planes become nuclei in three dimensions, or frames tracks.
    """

    def __init__(self, series: Series, link: bool = False):
        self.series = series
        self.done: list[dict[str, Any]] = []
        self._stack: np.ndarray | None = None
        self._spacing: tuple[float, float] | None = None
        times, levels = series.shape
        self._linker = PlaneLinker() if link and levels is not None else None
        self._tracks = _Tracks(times) if link and times is not None else None

    def add(self, way: Way) -> Iterator[Table]:
        """Take in a plane; gives its rows, if they need not wait for the others."""
        written, table = way.value, way.value.table
        origin = self.series.source.origin
        name = {"name": self.series.source.name}
        self.done.append({**origin, **name, **way.describe(str(origin["image"]))})
        self._spacing = written.spacing
        labels = written.labels
        if labels is None:
            yield table
            return
        time = (way.item.t or 0) - (self.series.views[0].t or 0)
        if self._linker:
            numbers = np.append(0, self._linker.add(labels)).astype(np.int32)
            labels, table = numbers[labels], _renumbered(table, numbers)
        self._put(time, way.item.z or 0, labels)
        if self._tracks:
            self._tracks.add(time, table)
        else:
            yield table

    def _put(self, time: int, level: int, labels: np.ndarray) -> None:
        if self._stack is None:
            lengths = tuple(length or 1 for length in self.series.shape)
            self._stack = scratch((*lengths, *labels.shape), np.int32)
        put(self._stack, (time, level), labels)

    @property
    def _places(self) -> list[tuple[int, int | None]]:
        """t and z of each plane of the stack in its image."""
        alone = self.series.views[0].choice
        t = alone.t if isinstance(alone.t, int) else 0
        z = None if isinstance(alone.z, str) else alone.z or 0
        return [
            (t if view.t is None else view.t, z if view.z is None else view.z)
            for view in self.series.views
        ]

    def rest(self) -> Iterator[Table]:
        """Rows that had to wait, when all planes have come."""
        if self._tracks:
            for time, numbers, table in self._tracks.link():
                if self._stack is not None:
                    put(self._stack, (time, 0), numbers[cut(self._stack[time, 0], _ALL)])
                yield table

    @property
    def labels(self) -> np.ndarray:
        """(..., H, W) int32 of the planes that were kept, with the axes T and Z of the series."""
        if self._stack is None:
            raise ValueError("no plane was kept")
        shape = [length for length in self.series.shape if length is not None]
        return self._stack.reshape(*shape, *self._stack.shape[-2:])

    def write(self, out: Path, inside: tuple[str, str] | None) -> None:
        """Write the label image of a stack; that of a single plane is there already.

        Args:
            out: folder for it.
            inside: names of labels and tables in images that are OME-Zarr; None: beside them.
        """
        if self._stack is None:
            return
        group = self.series.source.group
        if inside and group:
            planes = self._stack.reshape(-1, *self._stack.shape[-2:])
            write_inside(group, planes, self._places, names=inside)
            return
        axes = "".join(a for a, n in zip("TZ", self.series.shape, strict=True) if n is not None)
        path = out / f"{self.series.source.name}{LABELS}"
        distance = self.series.plane_distance
        write_label_stack(path, self.labels, f"{axes}YX", self._spacing, distance)

    def describe(self) -> dict[str, Any]:
        """For run.json."""
        if len(self.done) == 1:
            return self.done[0]
        sums = {name: sum(plane[name] for plane in self.done) for name in ("nuclei", "seconds")}
        quality = of_stack([plane["quality"] for plane in self.done])
        return self.done[0] | sums | {"planes": len(self.done), "quality": quality}


_ALL = (slice(None), slice(None))


class _Tracks:
    """The tables of a movie's frames, in a temporary file until all have come.

    Args:
        count: of frames.
    """

    def __init__(self, count: int):
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="nucseg-")  # noqa: SIM115  held
        self._order: list[int] = []
        self._centroids = [np.empty((0, 2))] * count
        self._areas = [np.empty(0)] * count

    def add(self, time: int, table: Table) -> None:
        """Take in a frame; its labels are 1..N, in the order of its rows."""
        pickle.dump(table, self._file)
        self._order.append(time)
        self._centroids[time] = np.column_stack([table["centroid_row"], table["centroid_col"]])
        self._areas[time] = table["area_px"].astype(float)

    def link(self) -> Iterator[tuple[int, np.ndarray, Table]]:
        """Of each frame its number, the track of each of its labels 0..N, and its rows."""
        linked = link_frames(self._centroids, self._areas)
        self._file.seek(0)
        for time in self._order:
            table: Table = pickle.load(self._file)
            rows = linked["frame"] == time
            tracks = linked["track"][rows]
            numbers = np.append(0, tracks).astype(np.int32)
            more = {name: linked[name][rows] for name in ("track", "parent", "divides")}
            yield time, numbers, Table(dict(_renumbered(table, numbers).columns) | more)
        self._file.close()


def _renumbered(table: Table, numbers: np.ndarray) -> Table:
    """Rows with the numbers (N + 1,) that their labels become."""
    return Table(dict(table.columns) | {"label": numbers[table["label"]].astype(np.int64)})
