"""A training of seconds: its settings, and a network in the place of one that takes a minute."""

from __future__ import annotations

import keras
from keras import layers

SMALL = (
    *("model.encoder=mobilenetv2", "model.filters=8", "data.roi=64", "data.shoulder=4"),
    *("data.find_diameter=false", "augment.steps=[]", "augment.zoom=1"),
    *("training.batch=2", "training.steps_per_epoch=3", "training.epochs=3"),
)


def tiny(arch, pretrained=False) -> keras.Model:
    """An encoder of one layer and a head of one."""
    image = layers.Input((None, None, 1))
    x = layers.Conv2D(4, 3, padding="same", name="block_1_expand")(image)
    x = layers.ReLU()(layers.BatchNormalization(name="block_1_bn")(x))
    return keras.Model(image, layers.Conv2D(2, 1, activation="sigmoid", name="head_conv")(x))
