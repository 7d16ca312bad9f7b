"""Cellpose with its defaults: below version 4 its model `nuclei`, whose size it estimates itself.

From version 4 on there is one model for everything, that of its default.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from cellpose import models

OLD = int(version("cellpose").split(".")[0]) < 4
Predict = Callable[[np.ndarray, float | None], np.ndarray]


def load(weights: str | None) -> tuple[Predict, dict[str, Any]]:
    """A function from pixels and pixel size to labels, and what the report says of it.

    Args:
        weights: a file.
    """
    gpu = torch.cuda.is_available()
    grey: dict[str, Any] = {"channels": [0, 0]} if OLD else {}
    if weights is not None:
        model = models.CellposeModel(gpu=gpu, pretrained_model=weights)
    elif OLD:
        model = models.Cellpose(gpu=gpu, model_type="nuclei")
        grey["diameter"] = None  # estimated
    else:
        model = models.CellposeModel(gpu=gpu)

    def predict(pixels: np.ndarray, _pixel_size: float | None) -> np.ndarray:
        return model.eval(pixels, **grey)[0]

    default = "nuclei" if OLD else Path(str(getattr(model, "pretrained_model", "default"))).name
    return predict, {"weights": weights or default, "device": "gpu" if gpu else "cpu"}
