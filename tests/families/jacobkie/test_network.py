import cv2
import keras
import numpy as np
import pytest

from nucseg_tf.config import SHIPPED as CONFIGS
from nucseg_tf.config import load_config
from nucseg_tf.engines.base import Source
from nucseg_tf.engines.keras import Keras
from nucseg_tf.evaluation.scores import score_image
from nucseg_tf.families.jacobkie import FAMILY
from nucseg_tf.families.jacobkie.config import Architecture, Positions
from nucseg_tf.families.jacobkie.losses import POSITION_WEIGHT
from nucseg_tf.families.jacobkie.targets import targets
from nucseg_tf.imaging.raster import Plain
from nucseg_tf.imaging.window import Window
from nucseg_tf.models import zoo
from nucseg_tf.training.trainer import Trainable

SMALL = Architecture(filters=16)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(1)
    return zoo.build(SMALL)


def batch(labels: np.ndarray) -> dict:
    config = load_config(CONFIGS / "jacobkie.yaml", (f"data.roi={len(labels)}",))
    targets = config.family.targets(config)
    arrays = targets.encode(labels)
    for array, (shape, dtype) in zip(arrays, targets.shapes.values(), strict=True):
        assert (array.shape, array.dtype) == (shape, dtype)
    return {name: array[None] for name, array in zip(targets.shapes, arrays, strict=True)}


def test_maps_have_the_shape_and_range_of_the_contract(network):
    image = np.random.default_rng(0).random((2, 64, 96, 1), np.float32)
    maps = np.asarray(network(image))
    assert maps.shape == (2, 64, 96, 5)
    assert 0 <= maps.min() < maps.max() <= 1


def test_freezing_leaves_pyramid_and_head_trainable(network):
    layers = FAMILY.encoder_layers(network)
    names = {layer.name for layer in layers}
    assert len(names) > 50
    assert not any(name.startswith(("fpn_", "head_")) for name in names)


def losses(maps, labels, **others) -> dict[str, float]:
    targets = {**batch(labels), **others}
    found = FAMILY.loss_parts(None, keras.ops.convert_to_tensor(maps[None]), targets)
    return {name: float(value) for name, value in found.items()}


def test_losses_are_zero_for_the_targets_themselves_and_grow_with_the_error():
    labels = np.zeros((64, 64), np.int32)
    labels[20:40, 20:40] = 1
    right = batch(labels)["maps"][0]
    assert losses(right, labels) == pytest.approx({"mask": 0, "position": 0}, abs=1e-5)
    off = right + np.float32([0, 0.1, 0.1, 0.1, 0.1])
    assert losses(off, labels)["position"] == pytest.approx(0.1 * POSITION_WEIGHT)
    doubt = np.concatenate([np.full((64, 64, 1), 0.5, np.float32), right[..., 1:]], axis=-1)
    assert losses(doubt, labels)["mask"] == pytest.approx(np.log(2), rel=1e-4)


def test_positions_count_in_whole_nuclei_alone():
    labels = np.zeros((64, 64), np.int32)
    labels[0:20, 20:40] = 1  # cut by the edge
    wrong = np.ones((64, 64, 5), np.float32)
    assert losses(wrong, labels)["position"] == 0
    assert losses(wrong, labels)["mask"] > 1


def test_a_roi_in_which_nothing_is_known_has_no_loss():
    labels = np.full((64, 64), -1, np.int32)
    assert losses(np.full((64, 64, 5), 0.5, np.float32), labels) == {"mask": 0, "position": 0}


def test_a_step_of_training_changes_every_trainable_weight():
    keras.utils.set_random_seed(2)
    network = zoo.build(SMALL)
    labels = np.zeros((64, 64), np.int32)
    labels[10:30, 10:30], labels[30:50, 12:34] = 1, 2
    model = Trainable(network, FAMILY)
    model.compile(optimizer=keras.optimizers.Adam(1e-3))
    before = [np.asarray(variable) for variable in network.trainable_variables]
    image = np.random.default_rng(0).random((1, 64, 64, 1), np.float32)
    assert np.isfinite(model.train_on_batch(image, batch(labels)))
    for old, variable in zip(before, network.trainable_variables, strict=True):
        assert not np.array_equal(old, np.asarray(variable)), variable.path


@pytest.mark.parametrize("shape", [(1, 1), (40, 70), (33, 5)])
def test_it_takes_images_of_any_size(network, shape):
    settings = Positions(zooms=(0.5, 1, 2))
    image = np.random.default_rng(0).random(shape, np.float32)
    run = FAMILY.runner(Keras().compile(Source(lambda: network)))
    views = run(Plain(image), FAMILY.tile, 2, settings)
    assert len(views) == 6
    whole = Window.whole(shape)
    instances = FAMILY.decode(views, whole, settings)
    assert instances.labels.shape == shape
    assert instances.labels.max() == len(instances.scores)
    assert FAMILY.decode(FAMILY.empty(shape), whole, settings).labels.max() == 0


class Answer:
    """Stands in for the network: sees bright nuclei at any zoom, turned, and knows the targets."""

    def __call__(self, batch):
        bright = (batch[0, ..., 0] > 0.5).astype(np.uint8)
        labels = cv2.connectedComponents(bright, connectivity=4)[1]
        return targets(labels)[0][None]


@pytest.mark.parametrize("zooms", [(1.0,), (2.0,), (0.5,), (2.0, 0.25, 1.0, 0.5)])
@pytest.mark.parametrize("tta", [1, 8])
def test_views_come_back_in_place(zooms, tta):
    settings = Positions(zooms=zooms, score=0, min_area=0)
    labels = np.zeros((64, 96), np.int32)
    labels[8:24, 8:40], labels[32:56, 48:64] = 1, 2
    labels[16:24, 8:16] = 0  # no symmetry leaves it as it is
    run = FAMILY.runner(Answer())
    views = run(Plain((labels > 0).astype(np.float32)), 512, tta, settings)
    found = FAMILY.decode(views, Window.whole(labels.shape), settings)
    assert len(views) == tta * len(zooms)
    if max(zooms) >= 1:
        np.testing.assert_array_equal(found.labels, labels)
    assert score_image(labels, found.labels).counts["0.90"].ap == 1


@pytest.mark.parametrize(
    ("zooms", "near"),
    [((0.25, 0.5, 1.0, 2.0), (1.0, 2.0)), ((0.5, 1.0, 4.0), (1.0,)), ((0.5, 4.0), (0.5, 4.0))],
)
def test_at_a_known_scale_only_views_near_it_are_taken(zooms, near):
    settings = Positions(zooms=zooms, step=0.02)
    assert FAMILY.at_scale(settings) == Positions(zooms=near, step=0.02)
