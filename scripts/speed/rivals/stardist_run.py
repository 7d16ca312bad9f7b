"""StarDist on a folder of images, as its examples use it: `--model` is a folder of weights.

Without, the network of `2D_versatile_fluo` has random weights: then only its own time means
something, for the number of candidates is any number.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import common
import numpy as np
from csbdeep.utils import normalize
from stardist.models import Config2D, StarDist2D

PERCENTILES = (1, 99.8)
TILE = 2048  # px; larger images go through the network in tiles, as StarDist advises
SHAPE = {"n_rays": 32, "grid": (2, 2), "unet_n_depth": 3, "unet_n_filter_base": 32}


def load(folder: str | None) -> Any:
    """The model in a folder, or one of random weights."""
    if folder is None:
        return StarDist2D(Config2D(**SHAPE), name="random", basedir=None)
    path = Path(folder).resolve()
    return StarDist2D(None, name=path.name, basedir=str(path.parent))


def predictor(model: Any) -> common.Predict:
    """Predicts one image; what comes after the network is told apart from it."""
    suppress = model._instances_from_prediction

    def predict(pixels: np.ndarray, clock: common.Clock) -> np.ndarray:
        inner = common.Clock()
        model._instances_from_prediction = inner.timed("decode", suppress)
        with clock.stage("scale"):
            scaled = normalize(pixels, *PERCENTILES, axis=(0, 1))
        tiles = tuple(-(-length // TILE) for length in pixels.shape)
        with clock.stage("network"):
            labels, _ = model.predict_instances(scaled, n_tiles=tiles, show_tile_progress=False)
        clock.split("network", inner)
        return labels

    return predict


def macs_of(model: Any, side: int = 256) -> float:
    """Multiply-adds a megapixel of its convolutions."""
    import keras

    network = model.keras_model
    layers = [layer for layer in network.layers if hasattr(layer, "kernel")]
    outputs = keras.Model(network.inputs, [layer.output for layer in layers])(
        [np.zeros((1, side, side, 1), np.float32)]
    )
    sizes = (
        np.prod(output.shape) * np.prod(layer.kernel.shape[:-1])
        for layer, output in zip(layers, outputs, strict=True)
    )
    return float(sum(sizes)) * 1e6 / side**2


def main() -> None:
    """Predict."""
    arguments = common.parse(__doc__)
    model = load(arguments.model)
    common.run(arguments, predictor(model), lambda: macs_of(model))


if __name__ == "__main__":
    main()
