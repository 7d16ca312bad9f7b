"""InstanSeg with the model that its authors have for the nuclei of one channel of fluorescence.

Images of known pixel size are brought to the model's by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from instanseg import InstanSeg

DEFAULT = "single_channel_nuclei"
Predict = Callable[[np.ndarray, float | None], np.ndarray]


def load(weights: str | None) -> tuple[Predict, dict[str, Any]]:
    """A function from pixels and pixel size to labels, and what the report says of it.

    Args:
        weights: a TorchScript file; of models that find cells too, the nuclei are taken.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    given = DEFAULT if weights is None else torch.jit.load(weights, map_location=device)
    model = InstanSeg(given, device=device, verbosity=0)

    def predict(pixels: np.ndarray, pixel_size: float | None) -> np.ndarray:
        small = pixels.size < model.small_image_threshold  # as its `eval`, which only takes files
        way = model.eval_small_image if small else model.eval_medium_image
        with torch.inference_mode():
            found = way(pixels, pixel_size, target="nuclei", return_image_tensor=False)
        return found.cpu().numpy().reshape(pixels.shape).astype(np.int32)

    return predict, {"weights": weights or DEFAULT, "device": "cpu" if device == "cpu" else "gpu"}
