"""StarDist as its examples use it: 2D_versatile_fluo, percentiles 1 and 99.8."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from csbdeep.utils import normalize
from stardist.models import StarDist2D

DEFAULT = "2D_versatile_fluo"
PERCENTILES = (1, 99.8)
TILE = 2048  # px; larger images go through the network in tiles, as StarDist advises
Predict = Callable[[np.ndarray, float | None], np.ndarray]


def load(weights: str | None) -> tuple[Predict, dict[str, Any]]:
    """A function from pixels and pixel size to labels, and what the report says of it.

    Args:
        weights: folder of a model.
    """
    # Where it finds no file of weights, it warns and goes on with random ones.
    warnings.filterwarnings("error", message="Couldn't find any network weights")
    if weights is None:
        model = StarDist2D.from_pretrained(DEFAULT)
        if model is None:  # it prints why
            raise ValueError(f"{DEFAULT} cannot be loaded from where it is kept")
    else:
        model = StarDist2D(None, name=Path(weights).name, basedir=str(Path(weights).parent))

    def predict(pixels: np.ndarray, _pixel_size: float | None) -> np.ndarray:
        tiles = tuple(-(-length // TILE) for length in pixels.shape)
        scaled = normalize(pixels, *PERCENTILES, axis=(0, 1))
        return model.predict_instances(scaled, n_tiles=tiles, show_tile_progress=False)[0]

    device = "gpu" if tf.config.list_physical_devices("GPU") else "cpu"
    return predict, {"weights": DEFAULT if weights is None else weights, "device": device}
