"""Mask R-CNN, a file for each of its concepts; what the rest of the program calls stands here."""

from __future__ import annotations

import keras

from nucseg_tf.config import Architecture
from nucseg_tf.models.mask_rcnn.backbone import is_encoder
from nucseg_tf.models.mask_rcnn.model import LOSSES, MaskRCNN

__all__ = ["LOSSES", "TARGETS", "build", "encoder_layers", "losses"]

TARGETS = "boxes"  # what `data.pipeline` is to make of the labels


def build(arch: Architecture, pretrained: bool = False) -> MaskRCNN:
    """Build the network; see `MaskRCNN`."""
    return MaskRCNN(arch, pretrained)


def losses(network: keras.Model, outputs: dict, targets: dict, weights: tuple = ()) -> dict:
    """The five losses, weighted; see `MaskRCNN.losses_of`.

    Args:
        network: that made the outputs.
        outputs: of its `call`.
        targets: see `MaskRCNN.losses_of`.
        weights: of `LOSSES`; all 1 without.

    Returns:
        {name: scalar}.
    """
    found = network.losses_of(outputs, targets)
    weights = weights or (1.0,) * len(LOSSES)
    return {name: found[name] * weight for name, weight in zip(LOSSES, weights, strict=True)}


def encoder_layers(network: keras.Model) -> list:
    """All layers of the pre-trained part, for freezing during the cold start."""
    return [
        layer
        for layer in network.backbone._flatten_layers(include_self=False, recursive=True)
        if not isinstance(layer, keras.Model) and is_encoder(layer.name)
    ]
