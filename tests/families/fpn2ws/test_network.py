import keras
import numpy as np
import pytest

from nucseg_tf.errors import ConfigError
from nucseg_tf.families.fpn2ws.config import Architecture
from nucseg_tf.families.fpn2ws.losses import between_nuclei, losses
from nucseg_tf.families.fpn2ws.network import encoder_layers
from nucseg_tf.families.fpn2ws.targets import targets
from nucseg_tf.models import zoo

SMALL = Architecture(filters=8)


def image(size=64, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).random((1, size, size, 1), np.float32)


@pytest.mark.parametrize("networks", [1, 2])
def test_maps_have_the_shape_and_range_of_the_contract(networks):
    network = zoo.build(Architecture(filters=8, networks=networks))
    for size in (32, 96):
        maps = np.asarray(network(image(size)))
        assert maps.shape == (1, size, size, 2)
        assert 0 <= maps.min() < maps.max() <= 1


def test_the_subpixel_head_tells_neighbouring_pixels_apart():
    # The features have half the resolution: only the 2x2 cells can carry what lies between.
    keras.utils.set_random_seed(1)
    fine = np.asarray(zoo.build(SMALL)(image()))[0, ..., 0]
    keras.utils.set_random_seed(1)
    coarse = np.asarray(zoo.build(Architecture(filters=8, head="upsample"))(image()))[0, ..., 0]

    def roughness(x):
        return np.abs(np.diff(x, 2, axis=1))[4:-4, 4:-4].mean() / x[4:-4, 4:-4].std()

    assert roughness(fine) > 3 * roughness(coarse)


@pytest.mark.parametrize("head", ["subpixel", "upsample"])
def test_freezing_leaves_the_head_trainable(head):
    network = zoo.build(Architecture(filters=8, head=head))
    for layer in encoder_layers(network):
        layer.trainable = False
    assert any("head_" in variable.path for variable in network.trainable_variables)


def test_two_networks_share_no_weight():
    one = zoo.build(Architecture(filters=8, networks=1))
    two = zoo.build(Architecture(filters=8, networks=2))
    assert two.count_params() > 1.9 * one.count_params()


@pytest.mark.parametrize("encoder", ["resnet18", "mobilenetv2", "efficientnetb0"])
def test_encoders_of_segmentation_models(encoder):
    network = zoo.build(Architecture(filters=8, encoder=encoder))
    assert np.isfinite(np.asarray(network(image()))).all()


def test_unknown_encoder_is_named():
    with pytest.raises(ConfigError, match=r"resnet19.*resnet18"):
        zoo.build(Architecture(encoder="resnet19"))


def test_freezing_leaves_the_decoder_trainable():
    network = zoo.build(Architecture(filters=8, networks=2))
    for layer in encoder_layers(network):
        layer.trainable = False
    paths = [variable.path for variable in network.trainable_variables]
    assert len([path for path in paths if "head_maps/kernel" in path]) == 2
    assert not [path for path in paths if "block" in path or "stem" in path]


def test_loss_counts_valid_pixels_only():
    outputs = np.zeros((1, 4, 4, 2), np.float32)
    maps = np.zeros((1, 4, 4, 2), np.float32)
    maps[0, 0, 0] = (1.0, 0.5)
    maps[0, 3, 3] = 1.0  # not valid
    valid = np.zeros((1, 4, 4, 1), np.float32)
    valid[0, :2, :2] = 1
    parts = losses(outputs, {"maps": maps, "valid": valid}, (1.0, 2.0, 1.0))
    assert float(parts["distance"]) == pytest.approx(1 / 4)
    assert float(parts["border"]) == pytest.approx(2 * 0.25 / 4)


def test_loss_without_a_valid_pixel_is_zero():
    ones = np.ones((1, 4, 4, 2), np.float32)
    parts = losses(ones, {"maps": 0 * ones, "valid": np.zeros((1, 4, 4, 1), np.float32)})
    assert [float(part) for part in parts.values()] == [0, 0, 0]


def test_errors_between_touching_nuclei_count_once_more():
    labels = np.zeros((64, 64), np.int32)
    labels[10:30, 4:24], labels[10:30, 24:44], labels[40:60, 20:40] = 1, 2, 3
    maps = targets(labels)[None]
    where = np.asarray(between_nuclei(maps))[0, ..., 0] > 0
    assert where[14:26, 23:25].all()
    assert not where[36:].any()  # the third nucleus has open ground all around
    assert not where[:, :16].any()
    assert where.sum() < 100

    outputs = maps.copy()
    outputs[0, 14:26, 23:25, 1] = 0.0
    parts = losses(outputs, {"maps": maps, "valid": np.ones_like(maps[..., :1])}, (1.0, 1.0, 3.0))
    assert float(parts["between"]) == pytest.approx(3 * float(parts["border"]))
    assert float(parts["distance"]) == 0


def test_receptive_field_of_lite0_is_finite():
    # Squeeze-and-excitation would let one far pixel change everything.
    keras.utils.set_random_seed(1)
    network = zoo.build(SMALL)
    before = image(1024)
    after = before.copy()
    after[0, :32, :32] += 1.0
    difference = np.abs(np.asarray(network(after)) - np.asarray(network(before)))[0, ..., 0]
    assert difference[:64, :64].max() > 1e-4
    assert difference[900:, 900:].max() < 1e-7
