"""Where the weights of a network come from before training.

`random`, `imagenet` (the encoder), `coco` (of families that have it) or such a file, `nuclei` (the
shipped model), or the folder of a model.
"""

from __future__ import annotations

import logging
import os
import socket
from pathlib import Path

import keras

from nucseg_tf.errors import InitialisationError
from nucseg_tf.models import weights, zoo
from nucseg_tf.registry import FAMILIES
from nucseg_tf.schema import Architecture
from nucseg_tf.training.lite0 import lite0_weights_file, load_lite0

LOG = logging.getLogger(__name__)
WORDS = ("random", "imagenet", "coco", "nuclei")  # that stand for no model folder of the user's
COCO_VARIABLE = "NUCSEG_COCO"
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
    fitting = weights.transfer_weights(network, folder / "model.weights.h5")
    _check_encoder(arch, network, fitting, folder)
    LOG.info("%d of %d arrays initialised from %s", len(fitting), len(network.weights), folder)
    return network, True


def start_model(arch: Architecture, source: str) -> Path | None:
    """The folder of the model that a source of weights names; None where it names something else.

    Raises:
        UnknownModelError: if there is no such model.
    """
    if source in WORDS and source != "nuclei":
        return None
    if source.lower().endswith(".h5") and not Path(source).is_dir():
        return None
    shipped = f"{arch.family}-nuclei".replace("_", "-")
    return zoo.find_model(shipped if source == "nuclei" else source, others=WORDS)


def _check_encoder(arch: Architecture, network: keras.Model, fitting: list, folder: Path) -> None:
    """Refuse weights that leave the encoder random: a cold start would freeze it so."""
    layers = FAMILIES[arch.family].encoder_layers(network)
    encoder = {variable.path for layer in layers for variable in layer.weights}
    found = encoder & {variable.path for variable in fitting}
    if len(found) < 0.9 * len(encoder):
        raise InitialisationError(
            f"{folder}: {len(found)} of {len(encoder)} arrays fit the encoder {arch.encoder}. "
            f"Start from a model with that encoder, or with --init imagenet or random."
        )


def _coco(arch: Architecture, source: str) -> keras.Model:
    family = FAMILIES[arch.family]
    if not family.coco:
        others = " and ".join(other.title for other in FAMILIES if other.coco)
        raise InitialisationError(
            f"--init {source}: COCO weights exist for {others}, not for {arch.family}. "
            f"Use --init imagenet or --init nuclei."
        )
    file = coco_file(*family.coco) if source == "coco" else Path(source)
    network = zoo.build(arch)
    count = family.load_coco(network, file)
    LOG.info("%d of %d arrays initialised from %s", count, len(network.weights), file)
    return network


def coco_file(name: str, address: str) -> Path:
    """A file of COCO weights: the one that NUCSEG_COCO names, or one in Keras' folder.

    Args:
        name: of the file.
        address: where it is published.

    Raises:
        InitialisationError: if there is none; says where it is published, and where it goes.
    """
    given = os.environ.get(COCO_VARIABLE)
    place = _keras_models() / name
    file = Path(given).expanduser() if given else place
    if not file.is_file():
        named = f"{COCO_VARIABLE} names {file}, which is no file" if given else f"{file} is missing"
        raise InitialisationError(
            f"--init coco: {named}. Download {name} from {address} and put it at "
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
