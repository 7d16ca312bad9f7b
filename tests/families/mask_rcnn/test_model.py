"""The whole network: losses with their empty cases, gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from nucseg_tf.families.mask_rcnn import FAMILY
from nucseg_tf.families.mask_rcnn.config import Architecture
from nucseg_tf.families.mask_rcnn.targets import boxes_of
from nucseg_tf.models import zoo

SIDE, MOST = 64, 20
ARCH = {
    "family": "mask_rcnn",
    "encoder": "mobilenetv2",
    "filters": 16,
    "detector": {
        "rpn_filters": 16,
        "box_units": 16,
        "mask_filters": 8,
        "mask_cells": 14,
        "most_nuclei": MOST,
        "rpn_anchors": 32,
        "train_proposals": 20,
        "rois": 16,
    },
}


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(1)
    return zoo.build(Architecture(**ARCH))


def drawn(*discs, side=SIDE) -> np.ndarray:
    labels = np.zeros((side, side), np.int32)
    rows, columns = np.indices(labels.shape)
    for number, (y, x, radius) in enumerate(discs, start=1):
        labels[(rows - y) ** 2 + (columns - x) ** 2 <= radius**2] = number
    return labels


def batch(*labels: np.ndarray, seed=0) -> tuple[np.ndarray, dict]:
    rng = np.random.default_rng(seed)
    boxes, ids, numbered = (
        np.stack(x) for x in zip(*(boxes_of(y, MOST) for y in labels), strict=True)
    )
    image = np.where(numbered > 0, 0.9, 0.1)[..., None] + 0.02 * rng.random((*numbered.shape, 1))
    noise = rng.random((len(labels), 2000), np.float32)
    targets = {"boxes": boxes, "ids": ids, "labels": numbered, "noise": noise}
    return image.astype(np.float32), targets


def loss_values(network, image, targets) -> dict[str, float]:
    outputs = network(image, training=True)
    found = FAMILY.loss_parts(network, outputs, {k: ops.array(v) for k, v in targets.items()})
    return {name: float(value) for name, value in found.items()}


NUCLEI = drawn((20, 20, 8), (40, 45, 6), (50, 15, 4))
NONE = drawn()
ONE_PIXEL = drawn((30, 30, 0), (10, 50, 0))
MANY = np.kron(np.arange(256).reshape(16, 16) + 1, np.pad(np.ones((3, 3), int), ((0, 1), (0, 1))))
MANY = MANY.astype(np.int32)
UNKNOWN = np.full((SIDE, SIDE), -1, np.int32)


@pytest.mark.parametrize(
    "labels",
    [
        [NUCLEI, NUCLEI.T],
        [NONE, NONE],
        [NUCLEI, NONE],
        [ONE_PIXEL],
        [MANY.astype(np.int32)],
        [UNKNOWN],
    ],
    ids=["nuclei", "none", "one-image", "one-pixel", "256", "unknown"],
)
def test_losses_and_gradients_are_finite(network, labels):
    image, targets = batch(*labels)
    with tf.GradientTape() as tape:
        outputs = network(image, training=True)
        tensors = {k: ops.array(v) for k, v in targets.items()}
        parts = FAMILY.loss_parts(network, outputs, tensors)
        total = sum(parts.values())
    assert tuple(parts) == FAMILY.losses
    assert all(np.isfinite(float(v)) and float(v) >= 0 for v in parts.values())
    gradients = tape.gradient(total, network.trainable_variables, unconnected_gradients="zero")
    assert all(np.isfinite(g.numpy()).all() for g in map(tf.convert_to_tensor, gradients))


def test_without_nuclei_only_the_scores_have_a_loss(network):
    parts = loss_values(network, *batch(NONE))
    assert parts["rpn_score"] > 0
    assert parts["score"] > 0
    assert parts["rpn_box"] == parts["box"] == parts["mask"] == 0


def test_where_nothing_is_known_nothing_is_learned(network):
    assert set(loss_values(network, *batch(UNKNOWN)).values()) == {0.0}


def test_gradient_reaches_every_weight(network):
    image, targets = batch(NUCLEI, NUCLEI.T)
    with tf.GradientTape() as tape:
        outputs = network(image, training=True)
        tensors = {k: ops.array(v) for k, v in targets.items()}
        total = sum(FAMILY.loss_parts(network, outputs, tensors).values())
    gradients = tape.gradient(total, network.trainable_variables)
    # Boxes of 64 px are too small for the coarser levels of heads; their masks get none here.
    coarse = ("fpn_mask8", "fpn_mask16", "fpn_mask32")
    missing = [
        v.path
        for v, g in zip(network.trainable_variables, gradients, strict=True)
        if g is None and not any(name in v.path for name in coarse)
    ]
    assert missing == []


def test_losses_are_weighted_by_name(network):
    image, targets = batch(NUCLEI)
    outputs = network(image, training=False)
    tensors = {k: ops.array(v) for k, v in targets.items()}
    plain = FAMILY.loss_parts(network, outputs, tensors)
    heavy = FAMILY.loss_parts(network, outputs, tensors, (1.0, 1.0, 1.0, 1.0, 3.0))
    assert float(heavy["mask"]) == pytest.approx(3 * float(plain["mask"]), rel=1e-5)
    assert float(heavy["box"]) == pytest.approx(float(plain["box"]), rel=1e-5)


def test_encoder_layers_are_the_encoder_and_nothing_else(network):
    names = {layer.name for layer in FAMILY.encoder_layers(network)}
    assert "block_1_expand" in names
    assert not any(name.startswith(("fpn_", "rpn_", "box_", "mask_")) for name in names)


def test_compiled_equals_eager(network):
    image, _ = batch(NUCLEI)
    call = tf.function(lambda x: network(x, training=False), autograph=False)
    for key in ("rpn_logits", "rpn_offsets"):
        eager, graph = network(image, training=False)[key], call(tf.constant(image))[key]
        np.testing.assert_allclose(eager, graph, atol=1e-4)
