"""The backbone: an encoder, and the feature pyramid on top of it.

B images, H rows, W columns, C channels.
Source: Lin et al., "Feature Pyramid Networks for Object Detection" (2017), section 3.
"""

from __future__ import annotations

import keras
from keras import layers

from nucseg_tf.layers.fpn import build_encoder, scale_grey

STRIDES = (4, 8, 16, 32, 64)  # px, of the levels that propose; the last is the fourth, thinned out
BOX_STRIDES = STRIDES[:4]
MASK_STRIDES = (2, *BOX_STRIDES)


def build_backbone(
    encoder_name: str, filters: int, mask_filters: int, pretrained: bool = False
) -> keras.Model:
    """Build encoder and pyramid.

    Masks need finer features than boxes: they are read from a pyramid of their own, which begins
    at half the resolution of the image and costs little, for it has few channels. With
    `mask_filters` 0 they are read from the levels of the boxes, as published.

    Args:
        encoder_name: see `build_encoder`.
        filters: C of the levels for boxes.
        mask_filters: C of the levels for masks, or 0.
        pretrained: load ImageNet weights by segmentation-models' own download.

    Returns:
        Model from (B, H, W, 1), H and W multiples of 64, to a list: levels at `STRIDES`, then, if
        asked for, those at `MASK_STRIDES`.
    """
    grey = layers.Input((None, None, 1), name="image")
    encoder = build_encoder(encoder_name, pretrained)
    stages = encoder(scale_grey(grey, encoder_name, "image"))  # strides 2, 4, 8, 16, 32

    def conv(width: int, kernel: int, name: str, **options):
        return layers.Conv2D(width, kernel, padding="same", name=f"fpn_{name}", **options)

    merged = None
    levels: list = []
    for stride, stage in reversed([*zip(BOX_STRIDES, stages[1:], strict=True)]):
        lateral = conv(filters, 1, f"lateral{stride}")(stage)
        merged = lateral if merged is None else _add_enlarged(lateral, merged, f"{stride}")
        levels.insert(0, conv(filters, 3, f"level{stride}")(merged))
    outputs = [*levels, layers.MaxPooling2D(1, 2, name="fpn_level64")(levels[-1])]
    if mask_filters:
        relu = {"activation": "relu"}
        masks = [
            conv(mask_filters, 1, f"mask{stride}", **relu)(level)
            for stride, level in zip(BOX_STRIDES, levels, strict=True)
        ]
        fine = _add_enlarged(conv(mask_filters, 1, "fine")(stages[0]), masks[0], "mask2")
        outputs += [conv(mask_filters, 3, "mask2", **relu)(fine), *masks]
    return keras.Model(grey, outputs, name="backbone")


def _add_enlarged(lateral, coarse, name: str):
    up = layers.UpSampling2D(2, name=f"fpn_up{name}")(coarse)
    return layers.Add(name=f"fpn_add{name}")([lateral, up])


def is_encoder(layer_name: str) -> bool:
    """Whether a layer of the backbone belongs to the encoder, by its name."""
    return not layer_name.startswith("fpn_")
