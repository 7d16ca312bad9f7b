"""In the style of Jacobkie: nuclei and, per pixel, the relative position inside its nucleus.

Source: Zaki et al. (2020), "Jacobkie" (second place of the 2018 Data Science Bowl): the finest
level of the feature pyramid of a Mask R-CNN, and a head on it. Written anew from that
description; neither code nor weights are the original's.
"""

from __future__ import annotations

import keras
from keras import layers, ops

from nucseg_tf.config import Architecture
from nucseg_tf.models.fpn import subpixel_head
from nucseg_tf.models.mask_rcnn.backbone import STRIDES, build_backbone, is_encoder
from nucseg_tf.models.mask_rcnn.losses import mean_over

MAPS = ("mask", "down", "right", "down_right", "down_left")
LOSSES = ("mask", "position")
POSITION_WEIGHT = 5.0  # brings both losses to one size: positions err by a few hundredths


def build(arch: Architecture, pretrained: bool = False) -> keras.Model:
    """Build the network.

    Args:
        arch: encoder and filters (channels of the pyramid; its finest level has half as many).
        pretrained: let segmentation-models load the encoder's ImageNet weights.

    Returns:
        Model from (B, H, W, 1) to (B, H, W, 5): `MAPS` in [0, 1]; H and W multiples of 32.
    """
    pyramid = build_backbone(arch.encoder, arch.filters, arch.filters // 2, pretrained)
    finest = keras.Model(pyramid.input, pyramid.output[len(STRIDES)], name="backbone")
    image = layers.Input((None, None, 1), name="image")
    return keras.Model(image, subpixel_head(finest(image), image, len(MAPS)), name="jacobkie")


def losses(network: keras.Model, outputs, targets: dict, weights: tuple = ()) -> dict:
    """Cross-entropy of the mask, mean absolute error of the positions; 0 where nothing counts.

    Args:
        network: that made the outputs; not needed here.
        outputs: (B, S, S, 5) maps.
        targets: "maps" (B, S, S, 5), "valid" (B, S, S, 1), 0 in the ignored shoulder, and "whole"
            (B, S, S, 1), 1 in nuclei that the ROI holds whole.
        weights: of `LOSSES`; all 1 without.

    Returns:
        {"mask": scalar, "position": scalar}, weighted.
    """
    maps, valid = targets["maps"], targets["valid"][..., 0]
    entropy = ops.binary_crossentropy(maps[..., 0], outputs[..., 0])
    error = ops.mean(ops.abs(outputs[..., 1:] - maps[..., 1:]), axis=-1)
    weights = weights or (1.0,) * len(LOSSES)
    return {
        "mask": weights[0] * mean_over(entropy, valid),
        "position": weights[1]
        * POSITION_WEIGHT
        * mean_over(error, valid * targets["whole"][..., 0]),
    }


def encoder_layers(network: keras.Model) -> list:
    """All layers of the pre-trained part, for freezing during the cold start."""
    return [
        layer
        for layer in network.get_layer("backbone")._flatten_layers(include_self=False)
        if not isinstance(layer, keras.Model) and is_encoder(layer.name)
    ]
