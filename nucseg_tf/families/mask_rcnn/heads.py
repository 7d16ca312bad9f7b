"""The heads that look at each proposal: nucleus or not, a better box, and the mask.

N boxes, C channels, M cells a side. Source: He et al., "Mask R-CNN" (2017), figure 4, right.
"""

from __future__ import annotations

import keras
from keras import layers


def build_box_head(cells: int, channels: int, hidden: int) -> keras.Model:
    """Model from (N, cells, cells, C) to logits (N, 1) and offsets (N, 4)."""
    features = layers.Input((cells, cells, channels))
    x = layers.Flatten()(features)
    for number in (1, 2):
        x = layers.Dense(hidden, activation="relu", name=f"box_dense{number}")(x)
    logits = layers.Dense(1, name="box_logits")(x)
    small = keras.initializers.RandomNormal(stddev=0.001)
    offsets = layers.Dense(4, kernel_initializer=small, name="box_offsets")(x)
    return keras.Model(features, [logits, offsets], name="box_head")


def build_mask_head(
    cells: int, channels: int, hidden: int, convolutions: int, enlarge: bool
) -> keras.Model:
    """The mask of each box.

    Args:
        cells: M of the features.
        channels: C of the features.
        hidden: channels of its own.
        convolutions: how many, 3 x 3 cells each.
        enlarge: to twice as many cells a side before the last step, as published; without, the
            mask is as fine as the features.

    Returns:
        Model from (N, M, M, C) to logits (N, M, M, 1), or (N, 2 M, 2 M, 1).
    """
    features = layers.Input((cells, cells, channels))
    x = features
    for number in range(1, convolutions + 1):
        name = f"mask_conv{number}"
        x = layers.Conv2D(hidden, 3, padding="same", activation="relu", name=name)(x)
    if enlarge:
        x = layers.Conv2DTranspose(hidden, 2, strides=2, activation="relu", name="mask_enlarge")(x)
    return keras.Model(features, layers.Conv2D(1, 1, name="mask_logits")(x), name="mask_head")
