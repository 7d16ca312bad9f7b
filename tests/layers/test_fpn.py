import numpy as np
import pytest

from nucseg_tf.errors import ConfigError
from nucseg_tf.layers import fpn


def test_resnet50v1_gives_features_at_strides_2_to_32():
    encoder = fpn.build_encoder("resnet50v1")
    assert "resnet101v1" in fpn.encoder_names()
    image = np.zeros((1, 64, 128, 3), np.float32)
    shapes = [tuple(feature.shape) for feature in encoder(image)]
    channels = (64, 256, 512, 1024, 2048)  # He et al. (2015), table 1
    expected = [(1, 64 // 2**n, 128 // 2**n, c) for n, c in enumerate(channels, start=1)]
    assert shapes == expected


def test_resnet50v1_is_post_activation_with_the_stride_in_the_first_convolution():
    encoder = fpn.build_encoder("resnet50v1")
    assert encoder.get_layer("conv3_block1_1_conv").strides == (2, 2)
    assert encoder.get_layer("conv3_block1_2_conv").strides == (1, 1)
    features = encoder(np.random.default_rng(1).normal(size=(1, 64, 64, 3)).astype(np.float32))
    assert min(float(np.min(feature)) for feature in features) == 0


@pytest.mark.parametrize(
    ("encoder", "black", "white"),
    [
        ("resnet50v1", -114, 141),  # 255 grey values less the mean pixel
        ("resnet101v1", -114, 141),
        ("resnet101", 0, 255),
        ("efficientnetlite0", -1, 1),
    ],
)
def test_scaling_of_encoders(encoder, black, white):
    grey = np.asarray([0.0, 1.0], np.float32).reshape(1, 1, 2, 1)
    scaled = np.asarray(fpn.scale_grey(grey, encoder, "image"))
    np.testing.assert_array_equal(scaled[0, 0], [[black] * 3, [white] * 3])


def test_unknown_encoder_names_the_known():
    with pytest.raises(ConfigError, match=r"resnet50v3.*resnet50v1"):
        fpn.build_fpn("resnet50v3", 2, "test", filters=8)
