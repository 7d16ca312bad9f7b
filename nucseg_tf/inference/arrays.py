"""The nuclei of an image that is at hand as an array: a plane, a stack or a movie, without files.

The planes go along the same stages as those of `nucseg predict`, and are put together and linked as
there; so labels and rows are the same. Whoever waits hears of each tile, and can stop before it.

H rows, W columns; R rows of the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nucseg_tf.inference.gather import Planes
from nucseg_tf.inference.link import check_tracking
from nucseg_tf.inference.options import Options
from nucseg_tf.inference.room import plan
from nucseg_tf.inference.runner import Stage, run
from nucseg_tf.inference.segmenter import Segmenter
from nucseg_tf.inference.stages.measure import Measure
from nucseg_tf.inference.stages.read import Read
from nucseg_tf.inference.stages.values import Measured, Written
from nucseg_tf.inference.watched import Watch, Watched
from nucseg_tf.io.readers.base import RawImage
from nucseg_tf.io.sources import Origin, find_views

if TYPE_CHECKING:
    import pandas as pd


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
    planes = Planes(series, options.link)
    tables: list[Any] = []
    watched = Watched(watch, len(series.views), name)
    read = Read(options, all_channels=True)
    for way in run(series.views, [read, *_stages(segmenter, options, tile, watched), _keep]):
        if way.error is not None:
            raise way.error
        tables += planes.add(way)
        watched.next(way.item.title)
    tables += planes.rest()
    return Labelled(planes.labels, _joined(tables))


def _stages(segmenter: Segmenter, options: Options, tile: int, watched: Watched) -> list[Stage]:
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
