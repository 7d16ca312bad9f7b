"""What passes from stage to stage; the first is `types.Image`, as read.

H rows, W columns of the image; h, w of the image at the model's scale; N nuclei.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from nucseg_tf.imaging.raster import Raster
from nucseg_tf.inference.quality import Numbers
from nucseg_tf.io.tables import Table
from nucseg_tf.scale.regions import Regions
from nucseg_tf.types import Image, Instances

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Level:
    """The image at a further zoom, where its regions differ much in the size of nuclei.

    Attributes:
        zoom: about h / H.
        data: as `Scaled.pixels`, and after the network as `Predicted.raw`.
    """

    zoom: float
    data: Any


@dataclass(frozen=True)
class Scaled:
    """What the network is to see.

    Attributes:
        image: as read, with its zoom, h / H.
        pixels: (h, w), normalised, to be read window by window; None: there is nothing to see.
        further: other zooms, as a rule none.
        regions: which zoom serves where; None without others.
    """

    image: Image
    pixels: Raster | None
    further: tuple[Level, ...] = ()
    regions: Regions | None = None


@dataclass(frozen=True)
class Predicted:
    """What the network gave.

    Attributes:
        image: as read.
        raw: for `Family.decode`, of the whole image.
        further: the same at other zooms.
        regions: which zoom serves where; None without others.
    """

    image: Image
    raw: Any
    further: tuple[Level, ...] = ()
    regions: Regions | None = None

    @property
    def levels(self) -> tuple[Level, ...]:
        """What the network gave at each zoom, that of the image first."""
        return (Level(self.image.zoom, self.raw), *self.further)


@dataclass(frozen=True)
class Found:
    """The nuclei.

    Attributes:
        image: as read.
        instances: labels (H, W) and scores (N,).
        levels: (N,), which of `Predicted.levels` each was found in; None where there is one.
        zooms: (N,), that of its level; None where that is the image's.
        table: N rows, of `measure_instances`; None where they were not needed so far.
    """

    image: Image
    instances: Instances
    levels: np.ndarray | None = None
    zooms: np.ndarray | None = None
    table: Table | None = None


@dataclass(frozen=True)
class Measured:
    """The nuclei and a table that measures them.

    Attributes:
        image: as read.
        instances: labels (H, W) and scores (N,).
        table: N rows, of objects.csv.
        quality: numbers of `inference.quality`, if they were asked for.
    """

    image: Image
    instances: Instances
    table: Table
    quality: Numbers = field(default_factory=dict)


@dataclass(frozen=True)
class Written:
    """What is left of an image when its files are there.

    Attributes:
        shape: (H, W).
        table: N rows, of objects.csv.
        scale: for run.json: diameter that was given or found, px, and zoom.
        quality: for run.json, of `Measured`.
        labels: (H, W), of a plane of a stack, whose label image is written when it is complete.
        spacing: height and width of a pixel, µm, if known.
    """

    shape: tuple[int, int]
    table: Table | pd.DataFrame
    scale: dict[str, float] = field(default_factory=dict)
    labels: np.ndarray | None = None
    spacing: tuple[float, float] | None = None
    quality: Numbers = field(default_factory=dict)
