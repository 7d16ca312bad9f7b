"""EfficientNet-Lite0: the encoder of the shipped models.

It is EfficientNet-B0 without squeeze-and-excitation and with ReLU6. Squeeze-and-excitation
pools over the whole input, so the output at one pixel depends on how large the tile around it
is; without it the receptive field is finite, and a field predicted in tiles equals the field
predicted whole. It is also faster on CPUs and runs on every Keras backend.

Source: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks"
(2019), Table 1, with the changes of TensorFlow's EfficientNet-Lite release.
"""

from __future__ import annotations

import keras
from keras import layers

# (repeats, kernel size, first stride, expansion, output channels) of each stage
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM_CHANNELS = 32
BATCH_NORM = {"momentum": 0.99, "epsilon": 1e-3}
# Features at strides 16, 8, 4 and 2, in the order in which an FPN decoder takes them: the
# expanded activation before each strided convolution, as in segmentation-models.
FEATURE_LAYERS = (
    "block6a_expand_relu",
    "block4a_expand_relu",
    "block3a_expand_relu",
    "block2a_expand_relu",
)


def _conv_norm(x, filters: int, kernel: int, stride: int, name: str, relu: bool):
    x = layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    x = layers.BatchNormalization(name=f"{name}_bn", **BATCH_NORM)(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if relu else x


def _block(x, kernel: int, stride: int, expansion: int, filters: int, name: str):
    """Mobile inverted bottleneck: expand, depthwise convolution, project, add."""
    shortcut = x
    if expansion != 1:
        x = _conv_norm(x, expansion * x.shape[-1], 1, 1, f"{name}_expand", relu=True)
    x = layers.DepthwiseConv2D(
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        depthwise_initializer="he_normal",
        name=f"{name}_dwconv",
    )(x)
    x = layers.BatchNormalization(name=f"{name}_dw_bn", **BATCH_NORM)(x)
    x = layers.ReLU(6.0, name=f"{name}_dw_relu")(x)
    x = _conv_norm(x, filters, 1, 1, f"{name}_project", relu=False)
    if stride == 1 and shortcut.shape[-1] == filters:
        x = layers.Add(name=f"{name}_add")([shortcut, x])
    return x


def efficientnet_lite0(input_shape: tuple[int | None, int | None, int]) -> keras.Model:
    """Build the feature extractor, without the classification head, randomly initialised.

    Args:
        input_shape: (H, W, 3), where H and W may be None; values about [-1, 1].

    Returns:
        Model from (B, H, W, 3) to (B, H / 32, W / 32, 320); the layers named in
        `FEATURE_LAYERS` give strides 16, 8, 4 and 2.
    """
    inputs = layers.Input(input_shape)
    x = _conv_norm(inputs, STEM_CHANNELS, 3, 2, "stem", relu=True)
    for stage, (repeats, kernel, stride, expansion, filters) in enumerate(STAGES, start=1):
        for repeat in range(repeats):
            name = f"block{stage}{'abcd'[repeat]}"
            x = _block(x, kernel, stride if repeat == 0 else 1, expansion, filters, name)
    return keras.Model(inputs, x, name="efficientnetlite0")
