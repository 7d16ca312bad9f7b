"""Feature pyramid networks from segmentation-models, with any of its encoders or ours.

The one place that imports segmentation-models, and so the one that sets SM_FRAMEWORK.
"""

from __future__ import annotations

import contextlib
import io
import os

import keras
from keras import layers

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


def build_fpn(
    encoder: str, filters: int, aggregation: str, maps: int, name: str, pretrained: bool = False
) -> keras.Model:
    """Build one feature pyramid network.

    Args:
        encoder: an encoder of segmentation-models, or "efficientnetlite0".
        filters: channels of the pyramid; the segmentation branches have half as many.
        aggregation: "sum" or "concat" of the pyramid's levels.
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
    if encoder not in sm.get_available_backbone_names():
        raise ConfigError(
            f"model.encoder: unknown encoder {encoder!r}. Known: {', '.join(encoder_names())}."
        )
    fpn = sm.FPN(
        encoder,
        input_shape=(None, None, 3),
        classes=maps,
        activation="sigmoid",
        encoder_weights="imagenet" if pretrained else None,
        pyramid_block_filters=filters,
        pyramid_aggregation=aggregation,
    )
    scale, offset = next(
        (value for key, value in ENCODER_SCALING.items() if key in encoder), DEFAULT_SCALING
    )
    grey = layers.Input((None, None, 1), name=f"{name}_image")
    scaled = layers.Rescaling(scale, offset, name=f"{name}_scale")(grey)
    colour = layers.Concatenate(name=f"{name}_colour")([scaled, scaled, scaled])
    fpn.name = f"{name}_fpn"
    return keras.Model(grey, fpn(colour), name=name)


def is_encoder_layer(layer_name: str) -> bool:
    """Whether a layer of segmentation-models' FPN belongs to the encoder, by its name."""
    decoder = ("fpn_stage", "segm_stage", "upsampling_stage", "aggregation", "final_", "head_conv")
    return not layer_name.startswith((*decoder, "pyramid_dropout", "sigmoid"))
