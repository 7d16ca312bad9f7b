"""Feature pyramid networks from segmentation-models, with any of its encoders or ours.

The one place that imports segmentation-models, and so the one that sets SM_FRAMEWORK.
"""

from __future__ import annotations

import contextlib
import io
import os

import keras
from keras import layers, ops

from nucseg_tf.config import Architecture
from nucseg_tf.errors import ConfigError
from nucseg_tf.models.efficientnet_lite import FEATURE_LAYERS, efficientnet_lite0

# How each family of encoders saw its images in pre-training: scale * x + offset, x in [0, 1].
ENCODER_SCALING = {
    "resnet": (255.0, 0.0),
    "efficientnetb": (4.4, -2.1),  # (x - mean) / std, the mean over the three colours
    "densenet": (4.4, -2.1),
    "vgg": (255.0, -114.0),
}
DEFAULT_SCALING = (2.0, -1.0)


def _segmentation_models():
    os.environ["SM_FRAMEWORK"] = "tf.keras"
    with contextlib.redirect_stdout(io.StringIO()):  # it prints its framework at import
        import segmentation_models as sm
        from segmentation_models.backbones.backbones_factory import Backbones

    def lite0(input_shape, weights=None, include_top=False, **_submodules):
        return efficientnet_lite0(input_shape)

    Backbones._models["efficientnetlite0"] = [lite0, None]
    Backbones._default_feature_layers["efficientnetlite0"] = FEATURE_LAYERS
    return sm


def encoder_names() -> list[str]:
    """Names of the encoders that `build_fpn` takes."""
    return sorted(_segmentation_models().get_available_backbone_names())


def build_fpn(arch: Architecture, maps: int, name: str, pretrained: bool = False) -> keras.Model:
    """Build one feature pyramid network.

    Its features have half the resolution of the image. The head "upsample", the published one,
    enlarges them bilinearly before the last convolution, so no map can be finer than two pixels.
    The head "subpixel" predicts the four pixels of each 2x2 cell from the features and those four
    pixels of the image (Shi et al. 2016, sub-pixel convolution), at less cost.

    Args:
        arch: encoder (of segmentation-models, or "efficientnetlite0"), filters (channels of the
            pyramid; the segmentation branches have half as many), aggregation of its levels, head.
        maps: K, sigmoid output channels.
        name: name of the network.
        pretrained: load the encoder's ImageNet weights by segmentation-models' own download.

    Returns:
        Model from (B, H, W, 1) float32, percentile-normalised, to (B, H, W, K) in [0, 1]; H and W
        are multiples of 32.

    Raises:
        ConfigError: for an unknown encoder.
    """
    sm = _segmentation_models()
    if arch.encoder not in sm.get_available_backbone_names():
        raise ConfigError(
            f"model.encoder: unknown encoder {arch.encoder!r}. Known: {', '.join(encoder_names())}."
        )
    fpn = sm.FPN(
        arch.encoder,
        input_shape=(None, None, 3),
        classes=maps,
        activation="sigmoid",
        encoder_weights="imagenet" if pretrained else None,
        pyramid_block_filters=arch.filters,
        pyramid_aggregation=arch.aggregation,
    )
    fpn.name = f"{name}_fpn"
    scale, offset = next(
        (value for key, value in ENCODER_SCALING.items() if key in arch.encoder), DEFAULT_SCALING
    )
    grey = layers.Input((None, None, 1), name=f"{name}_image")
    scaled = layers.Rescaling(scale, offset, name=f"{name}_scale")(grey)
    colour = layers.Concatenate(name=f"{name}_colour")([scaled, scaled, scaled])
    if arch.head == "upsample":
        return keras.Model(grey, fpn(colour), name=name)
    trunk = keras.Model(fpn.input, fpn.get_layer("final_stage_relu").output, name=f"{name}_fpn")
    return keras.Model(grey, _subpixel_head(trunk(colour), grey, maps), name=name)


def _subpixel_head(features, grey, maps: int):
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
