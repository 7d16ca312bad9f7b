"""Cellpose (below version 4) on a folder of images: `--model` is a file of weights.

The network and the settings are those of its model `nuclei`: images are reduced so that nuclei are
17 px across, flows are followed at the full size. Without `--model` weights are random, and what
follows the network is left out: without flows there is nothing to follow.
"""

from __future__ import annotations

from typing import Any

import common
import numpy as np
from cellpose.models import CellposeModel

TRAINED = 17.0  # px, diameter of nuclei that the model `nuclei` is trained at
DIAMETER = 26.0  # px, of those in the images; Cellpose's own search for it is left out
CHANNELS = [0, 0]  # grey


def predictor(model: Any, whole: bool) -> common.Predict:
    """Predicts one image; normalisation, network and masks are told apart.

    Args:
        model: Cellpose's.
        whole: whether to make masks.
    """
    run_net, compute_masks = model._run_net, model._compute_masks

    def predict(pixels: np.ndarray, clock: common.Clock) -> np.ndarray:
        inner = common.Clock()
        model._run_net = inner.timed("network", run_net)
        model._compute_masks = inner.timed("decode", compute_masks)
        model.diam_mean = TRAINED
        with clock.stage("scale"):
            masks, *_ = model.eval(
                pixels, channels=CHANNELS, diameter=DIAMETER, compute_masks=whole
            )
        clock.split("scale", inner)
        clock.network_pixels += int(pixels.size * (TRAINED / DIAMETER) ** 2)
        return masks if whole else np.zeros(pixels.shape, np.int32)

    return predict


def main() -> None:
    """Predict."""
    arguments = common.parse(__doc__)
    model = CellposeModel(gpu=False, pretrained_model=arguments.model or False, diam_mean=TRAINED)
    predict = predictor(model, arguments.model is not None)
    common.run(arguments, predict, lambda: common.torch_macs(model.net, channels=2))


if __name__ == "__main__":
    main()
