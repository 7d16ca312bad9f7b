"""Data that passes between the stages.

Letters used for shapes throughout: B images, H rows, W columns, C channels, S side of a region of
interest (ROI), K maps, N nuclei. Coordinates are (row, column); boxes are (y0, x0, y1, x1) in
pixels, half-open.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Image:
    """One field of view as read.

    Attributes:
        pixels: (H, W), in the dtype of the file.
        pixel_size: µm per pixel, or None where the file does not say.
        path: the file it came from.
    """

    pixels: np.ndarray
    pixel_size: float | None
    path: Path


@dataclass(frozen=True)
class Field:
    """An image file paired with its ground truth.

    Attributes:
        name: stem of the image, unique in its data set and split.
        image: image file.
        masks: one label image, or (Data Science Bowl layout) one binary image per nucleus.
        split: "train", "val", "test", or "" where the data set does not say.
        group: what belongs together (cell line, plate); balanced in training, scored apart.
    """

    name: str
    image: Path
    masks: tuple[Path, ...]
    split: str = ""
    group: str = ""


@dataclass(frozen=True)
class Instances:
    """The nuclei found in one image.

    Attributes:
        labels: (H, W) int32, 0 background, 1..N.
        scores: (N,) float32 in [0, 1]; entry i belongs to label i + 1.
    """

    labels: np.ndarray
    scores: np.ndarray
