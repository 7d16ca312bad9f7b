"""What passes from stage to stage; the first is `types.Image`, as read.

H rows, W columns of the image; h, w of the image at the model's scale; N nuclei.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from nucseg_tf.io.tables import Table
from nucseg_tf.types import Image, Instances

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Scaled:
    """What the network is to see.

    Attributes:
        image: as read, with its zoom, h / H.
        pixels: (h, w) float32, normalised; all 0 where there is nothing to see.
    """

    image: Image
    pixels: np.ndarray


@dataclass(frozen=True)
class Predicted:
    """What the network gave.

    Attributes:
        image: as read.
        raw: for `Family.decode`, at the scale of the image.
    """

    image: Image
    raw: Any


@dataclass(frozen=True)
class Found:
    """The nuclei.

    Attributes:
        image: as read.
        instances: labels (H, W) and scores (N,).
    """

    image: Image
    instances: Instances


@dataclass(frozen=True)
class Measured:
    """The nuclei and a table that measures them.

    Attributes:
        image: as read.
        instances: labels (H, W) and scores (N,).
        table: N rows, of objects.csv.
    """

    image: Image
    instances: Instances
    table: Table


@dataclass(frozen=True)
class Written:
    """What is left of an image when its files are there.

    Attributes:
        shape: (H, W).
        table: N rows, of objects.csv.
        scale: for run.json, the diameter that was found, px, and the zoom.
    """

    shape: tuple[int, int]
    table: Table | pd.DataFrame
    scale: dict[str, float] = field(default_factory=dict)
