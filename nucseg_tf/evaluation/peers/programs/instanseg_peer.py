"""InstanSeg's model of fluorescence, and of what it finds the nuclei.

Images of known pixel size are brought to the model's by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from instanseg import InstanSeg

DEFAULT = "fluorescence_nuclei_and_cells"
SMALL = 1500 * 1500  # px; above, InstanSeg itself goes on to tiles
Predict = Callable[[np.ndarray, float | None], np.ndarray]


def load(weights: str | None) -> tuple[Predict, dict[str, Any]]:
    """A function from pixels and pixel size to labels, and what the report says of it.

    Args:
        weights: a TorchScript file.
    """
    model = InstanSeg(DEFAULT if weights is None else torch.jit.load(weights), verbosity=0)

    def predict(pixels: np.ndarray, pixel_size: float | None) -> np.ndarray:
        way = model.eval_small_image if pixels.size <= SMALL else model.eval_medium_image
        with torch.inference_mode():
            found = way(pixels, pixel_size, target="nuclei", return_image_tensor=False)
        return found.cpu().numpy().reshape(pixels.shape).astype(np.int32)

    device = "gpu" if str(model.inference_device).startswith("cuda") else "cpu"
    return predict, {"weights": DEFAULT if weights is None else weights, "device": device}
