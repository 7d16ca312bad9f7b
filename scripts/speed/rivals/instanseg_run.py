"""InstanSeg on a folder of images: `--model` is a TorchScript file, `instanseg.pt`.

Without, its U-Net has random weights and the widths of its published models, and what follows the
network is left out, as seeds of random weights mean nothing. Images are taken as they are: whoever
gives them a pixel size gets them brought to the model's.
"""

from __future__ import annotations

from typing import Any

import common
import numpy as np
import torch
from instanseg.utils.models.InstanSeg_UNet import InstanSeg_UNet
from instanseg.utils.utils import percentile_normalize

WIDTHS = [256, 128, 64, 32]
OUTPUTS = [[2, 2, 1]]  # offsets, their spread, seeds
STEP, TILE = 32, 2048  # px


def load(file: str | None) -> Any:
    """The published program, or the network alone."""
    if file is None:
        network = InstanSeg_UNet(in_channels=1, out_channels=OUTPUTS, layers=WIDTHS)
        return network.eval()
    return torch.jit.load(file).eval()


def predictor(model: Any, whole: bool) -> common.Predict:
    """Predicts one image, large ones in tiles without overlap; the whole counts as network."""

    def predict(pixels: np.ndarray, clock: common.Clock) -> np.ndarray:
        with clock.stage("scale"):
            image = percentile_normalize(torch.from_numpy(pixels.astype(np.float32))[None])
            pads = [-length % STEP for length in pixels.shape]
            image = torch.nn.functional.pad(image[None], (0, pads[1], 0, pads[0]), mode="reflect")
        labels = np.zeros(image.shape[2:], np.int32)
        with clock.stage("network"), torch.inference_mode():
            for top in range(0, labels.shape[0], TILE):
                for left in range(0, labels.shape[1], TILE):
                    window = np.s_[top : top + TILE, left : left + TILE]
                    found = model(image[(..., *window)].contiguous())
                    if whole:
                        labels[window] = found[0, 0].numpy()
        return labels[: pixels.shape[0], : pixels.shape[1]]

    return predict


def main() -> None:
    """Predict."""
    arguments = common.parse(__doc__)
    model = load(arguments.model)
    predict = predictor(model, arguments.model is not None)
    common.run(arguments, predict, lambda: common.torch_macs(model, channels=1))


if __name__ == "__main__":
    main()
