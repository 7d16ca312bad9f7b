"""Data that passes between the stages.

Letters used for shapes throughout: B images, H rows, W columns, C channels, S side of a region of
interest (ROI), K maps, N nuclei. Coordinates are (row, column); boxes are (y0, x0, y1, x1) in
pixels, half-open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

IGNORED = -1  # label where nothing is known: outside the field or its regions, or turned in
Box = tuple[int, int, int, int]  # y0, x0, y1, x1


@dataclass(frozen=True)
class Image:
    """One field of view as read.

    Attributes:
        pixels: (H, W), in the dtype of the file.
        pixel_size: width of a pixel, µm, or None where the file does not say.
        path: the file it came from.
        diameter: of the typical nucleus, px, given or found; None where it sets no zoom.
        zoom: by which the image is enlarged for the network.
        aspect: height of a pixel over its width.
        channels: all channels (H, W) by name, that of `pixels` first; empty: only `pixels`.
        name: of its results; "": the stem of the file.
        origin: columns that say in tables where its nuclei are from; empty: `image`, the file.
        t, z: which time and plane of what it was read from; None: made of all of them.
        group: the folder that its labels can be written into, of OME-Zarr; None of anything else.
    """

    pixels: np.ndarray
    pixel_size: float | None
    path: Path
    diameter: float | None = None
    zoom: float = 1.0
    aspect: float = 1.0
    channels: Mapping[str, np.ndarray] = field(default_factory=dict)
    name: str = ""
    origin: Mapping[str, str | int] = field(default_factory=dict)
    t: int = 0
    z: int | None = 0
    group: Path | None = None

    @property
    def spacing(self) -> tuple[float, float] | None:
        """Height and width of a pixel, µm; None where the file does not say."""
        return None if self.pixel_size is None else (self.pixel_size * self.aspect, self.pixel_size)


@dataclass(frozen=True)
class Field:
    """An image file paired with its ground truth.

    Attributes:
        name: stem of the image, unique in its data set and split.
        image: image file.
        masks: one label image, or (Data Science Bowl layout) one binary image per nucleus.
        split: "train", "val", "test", or "" where the data set does not say.
        group: what belongs together (cell line, plate); balanced in training, scored apart.
        regions: where the masks are finished; the rest of the field is unknown. Empty: all of it.
    """

    name: str
    image: Path
    masks: tuple[Path, ...]
    split: str = ""
    group: str = ""
    regions: tuple[Box, ...] = ()


@dataclass(frozen=True)
class Instances:
    """The nuclei found in one image.

    Attributes:
        labels: (H, W) int32, 0 background, 1..N.
        scores: (N,) float32 in [0, 1]; entry i belongs to label i + 1.
    """

    labels: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True)
class Targets:
    """How the targets of a family are made of the labels of one ROI.

    Attributes:
        encode: from (S, S) int32 labels, negative where nothing is known, to the arrays in the
            order of `shapes`.
        shapes: name -> shape and type of each array.
        noise: how many numbers in [0, 1) go with them, for what the losses draw at random.
        planes: names of the K channels of "maps" if, with "valid", these are all targets, and a
            ROI store may keep them as levels of 255; empty if they are made of stored labels.
    """

    encode: Callable[[np.ndarray], tuple[np.ndarray, ...]]
    shapes: Mapping[str, tuple[tuple[int, ...], type]]
    noise: int = 0
    planes: tuple[str, ...] = ()
