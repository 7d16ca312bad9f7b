"""Feature pyramid networks from segmentation-models, with any of its encoders or ours.

The one place that imports segmentation-models, and so the one that sets SM_FRAMEWORK.
"""

from __future__ import annotations

import contextlib
import io
import os

import keras
from keras import layers, ops

from nucseg_tf.errors import ConfigError
from nucseg_tf.layers.efficientnet_lite import FEATURE_LAYERS, efficientnet_lite0

# How each family of encoders saw its images in pre-training: scale * x + offset, x in [0, 1].
# The first key that is part of the encoder's name counts.
ENCODER_SCALING = {
    "resnet50v1": (255.0, -114.0),  # less the mean pixel of ImageNet, as vgg
    "resnet101v1": (255.0, -114.0),
    "inceptionresnet": (2.0, -1.0),
    "resnet": (255.0, 0.0),
    "efficientnetb": (4.4, -2.1),  # (x - mean) / std, the mean over the three colours
    "densenet": (4.4, -2.1),
    "vgg": (255.0, -114.0),
}
DEFAULT_SCALING = (2.0, -1.0)
# The ResNets of He et al. (2015): activation after the addition, stride in the first convolution of
# a block. segmentation-models' own activate before. With the number of blocks of the fourth stage.
RESNETS_V1 = {
    "resnet50v1": (keras.applications.ResNet50, 6),
    "resnet101v1": (keras.applications.ResNet101, 23),
}


def _segmentation_models():
    os.environ["SM_FRAMEWORK"] = "tf.keras"
    with contextlib.redirect_stdout(io.StringIO()):  # it prints its framework at import
        import segmentation_models as sm
        from segmentation_models.backbones.backbones_factory import Backbones

    def lite0(input_shape, weights=None, include_top=False, **_submodules):
        return efficientnet_lite0(input_shape)

    Backbones._models["efficientnetlite0"] = [lite0, None]
    Backbones._default_feature_layers["efficientnetlite0"] = FEATURE_LAYERS
    for name, (build, blocks) in RESNETS_V1.items():
        Backbones._models[name] = [_without_submodules(build), None]
        Backbones._default_feature_layers[name] = (
            f"conv4_block{blocks}_out",
            "conv3_block4_out",
            "conv2_block3_out",
            "conv1_relu",
        )
    return sm


def _without_submodules(build):
    """A builder of keras.applications, called as segmentation-models calls its own."""

    def encoder(input_shape, weights=None, include_top=False, **_submodules):
        return build(include_top=include_top, weights=weights, input_shape=input_shape)

    return encoder


def encoder_names() -> list[str]:
    """Names of the encoders: of segmentation-models, "efficientnetlite0", and `RESNETS_V1`."""
    return sorted(_segmentation_models().get_available_backbone_names())


def build_fpn(
    encoder: str,
    maps: int,
    name: str,
    *,
    filters: int,
    aggregation: str = "sum",
    head: str = "subpixel",
    pretrained: bool = False,
) -> keras.Model:
    """Build one feature pyramid network.

    Its features have half the resolution of the image. The head "upsample", the published one,
    enlarges them bilinearly before the last convolution, so no map can be finer than two pixels.
    The head "subpixel" predicts the four pixels of each 2x2 cell from the features and those four
    pixels of the image (Shi et al. 2016, sub-pixel convolution), at less cost.

    Args:
        encoder: see `encoder_names`.
        maps: K, sigmoid output channels.
        name: name of the network.
        filters: channels of the pyramid; the segmentation branches have half as many.
        aggregation: of its levels, "sum" or "concat".
        head: "subpixel" or "upsample".
        pretrained: load the encoder's ImageNet weights by segmentation-models' own download.

    Returns:
        Model from (B, H, W, 1) float32, percentile-normalised, to (B, H, W, K) in [0, 1]; H and W
        are multiples of 32.

    Raises:
        ConfigError: for an unknown encoder.
    """
    sm = _segmentation_models()
    _check_encoder(encoder)
    fpn = sm.FPN(
        encoder,
        input_shape=(None, None, 3),
        classes=maps,
        activation="sigmoid",
        encoder_weights="imagenet" if pretrained else None,
        pyramid_block_filters=filters,
        pyramid_aggregation=aggregation,
    )
    fpn.name = f"{name}_fpn"
    grey = layers.Input((None, None, 1), name=f"{name}_image")
    colour = scale_grey(grey, encoder, name)
    if head == "upsample":
        return keras.Model(grey, fpn(colour), name=name)
    trunk = keras.Model(fpn.input, fpn.get_layer("final_stage_relu").output, name=f"{name}_fpn")
    return keras.Model(grey, subpixel_head(trunk(colour), grey, maps), name=name)


def build_encoder(encoder: str, pretrained: bool = False) -> keras.Model:
    """Build an encoder alone.

    Args:
        encoder: see `encoder_names`.
        pretrained: load its ImageNet weights by segmentation-models' or Keras' own download.

    Returns:
        Model from (B, H, W, 3), as `scale_grey` makes it, to features at strides 2, 4, 8, 16, 32.

    Raises:
        ConfigError: for an unknown encoder.
    """
    sm = _segmentation_models()
    _check_encoder(encoder)
    get_backbone = sm.inject_global_submodules(sm.Backbones.get_backbone)
    weights = "imagenet" if pretrained else None
    network = get_backbone(encoder, input_shape=(None, None, 3), weights=weights, include_top=False)
    names = sm.Backbones.get_feature_layers(encoder, n=4)
    stages = [
        (network.get_layer(name) if isinstance(name, str) else network.layers[name]).output
        for name in reversed(names)
    ]
    return keras.Model(network.input, [*stages, network.output], name="encoder")


def scale_grey(grey, encoder: str, name: str):
    """What an encoder saw in pre-training: (B, H, W, 1) in [0, 1] to three scaled channels."""
    scale, offset = next(
        (value for key, value in ENCODER_SCALING.items() if key in encoder), DEFAULT_SCALING
    )
    scaled = layers.Rescaling(scale, offset, name=f"{name}_scale")(grey)
    return layers.Concatenate(name=f"{name}_colour")([scaled, scaled, scaled])


def _check_encoder(encoder: str) -> None:
    known = encoder_names()
    if encoder not in known:
        raise ConfigError(f"model.encoder: unknown encoder {encoder!r}. Known: {', '.join(known)}.")


def subpixel_head(features, grey, maps: int):
    """(B, H/2, W/2, C) features and the (B, H, W, 1) image to (B, H, W, K) maps in [0, 1]."""
    cells = ops.space_to_depth(grey, 2)
    x = layers.Concatenate(name="head_cells")([features, cells])
    x = layers.Conv2D(features.shape[-1], 3, padding="same", activation="relu", name="head_fine")(x)
    x = layers.Conv2D(4 * maps, 3, padding="same", activation="sigmoid", name="head_maps")(x)
    return ops.depth_to_space(x, 2)


def is_encoder_layer(layer_name: str) -> bool:
    """Whether a layer of segmentation-models' FPN belongs to the encoder, by its name."""
    decoder = ("fpn_stage", "segm_stage", "upsampling_stage", "aggregation", "final_", "head_")
    return not layer_name.startswith((*decoder, "pyramid_dropout", "sigmoid"))
