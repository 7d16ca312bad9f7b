"""In the style of Jacobkie: nuclei and, per pixel, the relative position inside its nucleus.

Source: Zaki et al. (2020), "Jacobkie" (second place of the 2018 Data Science Bowl): the finest
level of the feature pyramid of a Mask R-CNN, and a head on it. Written anew from that
description; neither code nor weights are the original's.
"""

from __future__ import annotations

import keras
from keras import layers

from nucseg_tf.families.jacobkie.config import Architecture
from nucseg_tf.layers.fpn import subpixel_head
from nucseg_tf.layers.pyramid import STRIDES, build_backbone, is_encoder

MAPS = ("mask", "down", "right", "down_right", "down_left")


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


def encoder_layers(network: keras.Model) -> list:
    """All layers of the pre-trained part, for freezing during the cold start."""
    return [
        layer
        for layer in network.get_layer("backbone")._flatten_layers(include_self=False)
        if not isinstance(layer, keras.Model) and is_encoder(layer.name)
    ]
