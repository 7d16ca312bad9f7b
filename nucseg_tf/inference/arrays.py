"""The nuclei of an image that is at hand as an array: a plane, a stack or a movie, without files.

The planes go along the same stages as those of `nucseg predict`, and are put together and linked as
there; so labels and rows are the same. Whoever waits hears of each tile, and can stop before it.

H rows, W columns; R rows of the table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nucseg_tf.imaging.raster import Raster
from nucseg_tf.imaging.window import Shape, Window
from nucseg_tf.inference.gather import Planes
from nucseg_tf.inference.link import check_tracking
from nucseg_tf.inference.options import Options
from nucseg_tf.inference.room import plan
from nucseg_tf.inference.runner import Stage, run
from nucseg_tf.inference.segmenter import Segmenter
from nucseg_tf.inference.stages.measure import Measure
from nucseg_tf.inference.stages.read import Read
from nucseg_tf.inference.stages.values import Level, Measured, Scaled, Written
from nucseg_tf.io.readers.base import RawImage
from nucseg_tf.io.sources import Origin, find_views

if TYPE_CHECKING:
    import pandas as pd

Watch = Callable[[float, str], bool]  # share done, and the plane at work, to whether to go on
CELLS = 32  # along each axis of an image, by which it is told how much of it was seen


class StoppedError(Exception):
    """Whoever watched said no."""


@dataclass(frozen=True)
class Labelled:
    """The nuclei of an image.

    Attributes:
        labels: (..., H, W) int32, 0 background; before H the axes T and Z of which each plane was
            asked for. Each plane counts from 1, unless they were linked.
        table: (R rows), the columns of objects.csv.
    """

    labels: np.ndarray
    table: pd.DataFrame


@dataclass(frozen=True)
class ArraySource:
    """An image that is no file, as a source of a run.

    Attributes:
        name: in messages and tables.
        raw: its planes.
    """

    name: str
    raw: RawImage
    group: None = None
    files: Sequence[Path] = ()

    @property
    def path(self) -> Path:
        """The name, for messages."""
        return Path(self.name)

    @property
    def origin(self) -> Origin:
        """The columns of its rows."""
        return {"image": self.name}

    def open(self) -> RawImage:
        """All its planes."""
        return self.raw


def find_nuclei(
    segmenter: Segmenter,
    raw: RawImage,
    name: str,
    options: Options,
    watch: Watch = lambda share, title: True,
) -> Labelled:
    """Find the nuclei of an image.

    Args:
        segmenter: the model.
        raw: the image; of its `data` only planes that are needed are read, one at a time.
        name: of the image, for messages and the table.
        options: which planes, how scaled, whether linked; what is written has no meaning here.
        watch: is called before each tile, and often enough between.

    Raises:
        NucsegError: as of `nucseg predict`, for the first plane of which it is true.
        StoppedError: `watch` said no.
    """
    if options.link and options.choice.has_times:
        check_tracking()
    segmenter.check(options)
    options = replace(options, invert=segmenter.inverts(options.invert))
    tile, _ = plan(segmenter.family, segmenter.network.engine, options.tile, 1, 1)
    series = find_views(ArraySource(name, raw), options.choice)
    planes, tables = Planes(series, options.link), []
    watched = _Watched(watch, len(series.views), name)
    read = Read(options, all_channels=True)
    for way in run(series.views, [read, *_stages(segmenter, options, tile, watched), _keep]):
        if way.error is not None:
            raise way.error
        tables += planes.add(way)
        watched.next(way.item.title)
    tables += planes.rest()
    return Labelled(planes.labels, _joined(tables))


def _stages(segmenter: Segmenter, options: Options, tile: int, watched: _Watched) -> list[Stage]:
    """Those between reading and keeping, with places to stop at."""
    scale, network, decode = segmenter.stages(options, tile)
    still = watched.still
    return [scale, watched, network, still, decode, still, Measure()]


def _keep(measured: Measured) -> Written:
    """The last stage: nothing is written, all planes are kept."""
    image, labels = measured.image, measured.instances.labels
    return Written(labels.shape, measured.table, labels=labels, spacing=image.spacing)


def _joined(tables: Sequence[Any]) -> pd.DataFrame:
    """The rows of all planes, one plane after another."""
    import pandas as pd

    names = tables[0].columns
    return pd.DataFrame({name: np.concatenate([t[name] for t in tables]) for name in names})


class _Watched:
    """A stage before the network: from then on, each tile that is read is told of.

    Args:
        watch: is told.
        count: of planes.
        title: of what is at work first.
    """

    def __init__(self, watch: Watch, count: int, title: str):
        self._watch, self._count, self._title = watch, count, title
        self._done = 0
        self._parts: list[_Heard] = []

    def __call__(self, scaled: Scaled) -> Scaled:
        self.still(scaled)
        if scaled.pixels is None:
            return scaled
        first = _Heard(scaled.pixels, self._hear)
        others = [_Heard(level.data, self._hear) for level in scaled.further]
        self._parts = [first, *others]
        zooms = (level.zoom for level in scaled.further)
        return replace(scaled, pixels=first, further=tuple(map(Level, zooms, others)))

    def still(self, value: Any) -> Any:
        """A stage that passes on what it is given, unless it is time to stop."""
        self._hear()
        return value

    def next(self, title: str) -> None:
        """A plane is done."""
        self._done, self._parts, self._title = self._done + 1, [], title
        self._hear()

    def _hear(self) -> None:
        sizes = [part.shape[0] * part.shape[1] for part in self._parts]
        seen = sum(part.share * size for part, size in zip(self._parts, sizes, strict=True))
        share = (self._done + seen / max(sum(sizes), 1)) / self._count
        if not self._watch(share, self._title):
            raise StoppedError


@dataclass(frozen=True)
class _Heard:
    """A raster that tells of each window before it is read.

    Attributes:
        raster: what is read.
        hear: is called.
        seen: (CELLS, CELLS) bool, where it was read already.
    """

    raster: Raster
    hear: Callable[[], None]
    seen: np.ndarray = field(default_factory=lambda: np.zeros((CELLS, CELLS), bool))

    @property
    def shape(self) -> Shape:
        """(H, W)."""
        return self.raster.shape

    @property
    def share(self) -> float:
        """Of the image that was read, in [0, 1]."""
        return float(self.seen.mean())

    def read(self, window: Window) -> np.ndarray:
        """The pixels of a window, float32."""
        self.hear()
        pixels = self.raster.read(window)
        height, width = self.shape
        rows = slice(window.top * CELLS // height, -(-window.bottom * CELLS // height))
        columns = slice(window.left * CELLS // width, -(-window.right * CELLS // width))
        self.seen[rows, columns] = True
        return pixels
