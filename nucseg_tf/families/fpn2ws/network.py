"""FPN2-WS: a normalised distance map and a blurred border map, joined by a seeded watershed.

Source: Zaki et al., "A Deep Learning Pipeline for Nucleus Segmentation" (2020), Methods. Two
designs: `networks: 2` is the paper's (one FPN a map, both see the image), `networks: 1` shares
encoder and decoder and has two outputs.
"""

from __future__ import annotations

import keras
from keras import layers

from nucseg_tf.families.fpn2ws.config import Architecture
from nucseg_tf.layers.fpn import build_fpn, is_encoder_layer

MAPS = ("distance", "border")


def build(arch: Architecture, pretrained: bool = False) -> keras.Model:
    """Build the network.

    Args:
        arch: encoder, filters, aggregation, head and the number of networks.
        pretrained: let segmentation-models load the encoder's ImageNet weights.

    Returns:
        Model from (B, H, W, 1) to (B, H, W, 2): `MAPS` in [0, 1].
    """

    def fpn(maps: int, name: str) -> keras.Model:
        return build_fpn(
            arch.encoder,
            maps,
            name,
            filters=arch.filters,
            aggregation=arch.aggregation,
            head=arch.head,
            pretrained=pretrained,
        )

    if arch.networks == 1:
        return fpn(len(MAPS), "fpn2ws")
    image = layers.Input((None, None, 1), name="image")
    maps = [fpn(1, name)(image) for name in MAPS]
    return keras.Model(image, layers.Concatenate(name="maps")(maps), name="fpn2ws")


def encoder_layers(network: keras.Model) -> list:
    """All layers of the pre-trained part, for freezing during the cold start."""
    return [
        layer
        for layer in network._flatten_layers(include_self=False, recursive=True)
        if not isinstance(layer, keras.Model) and is_encoder_layer(layer.name)
    ]
