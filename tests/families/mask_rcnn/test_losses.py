import math

import numpy as np
import pytest
import tensorflow as tf

from nucseg_tf.families.mask_rcnn.losses import binary, smooth_l1
from nucseg_tf.layers.losses import mean_over


def with_gradient(loss, values, target, weight) -> tuple[float, np.ndarray]:
    values = tf.constant(values, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(values)
        found = loss(values, tf.constant(target, tf.float32), tf.constant(weight, tf.float32))
    assert found.shape == ()
    return float(found), np.asarray(tape.gradient(found, values))


def test_mean_counts_by_weight():
    values = np.array([1, 2, 30], np.float32)
    assert float(mean_over(values, np.array([1, 1, 0], np.float32))) == 1.5
    assert float(mean_over(values, np.zeros(3, np.float32))) == 0


def test_binary_by_hand():
    # -log(sigmoid(log 3)) = -log(3 / 4), -log(1 - sigmoid(-log 4)) = -log(4 / 5); half a target
    # takes half of each: -(log(2 / 3) + log(1 / 3)) / 2. The last does not count.
    logits = [math.log(3), -math.log(4), math.log(2), 50]
    expected = -(math.log(3 / 4) + math.log(4 / 5) + (math.log(2 / 3) + math.log(1 / 3)) / 2) / 3
    found, gradient = with_gradient(binary, logits, [1, 0, 0.5, 0], [1, 1, 1, 0])
    assert found == pytest.approx(expected, rel=1e-5)
    # Of each: probability less target, over the count.
    np.testing.assert_allclose(gradient, np.array([-1 / 4, 1 / 5, 1 / 6, 0]) / 3, atol=1e-6)


@pytest.mark.parametrize("logit", [100.0, 1e4, 1e30])
def test_binary_of_huge_logits(logit):
    found, gradient = with_gradient(binary, [logit, -logit], [1, 0], [1, 1])
    assert found == 0
    np.testing.assert_allclose(gradient, 0, atol=1e-7)
    found, gradient = with_gradient(binary, [logit, -logit], [0, 1], [1, 1])
    assert found == pytest.approx(logit)
    np.testing.assert_allclose(gradient, [0.5, -0.5])


@pytest.mark.parametrize("target", [0.0, 0.25, 1.0])
def test_gradient_of_binary_at_logit_zero(target):
    # What a head that has been started with zeros, or is fed with zeros, sees first.
    found, gradient = with_gradient(binary, [0.0], [target], [1])
    assert found == pytest.approx(math.log(2))
    np.testing.assert_allclose(gradient, [0.5 - target], atol=1e-6)


def test_smooth_l1_by_hand():
    # Below 1/9 the error e costs 9 e^2 / 2, from there on e - 1/18; summed over the four offsets.
    first = 9 * 0.1**2 / 2 + (2 - 1 / 18) + 0 + (1 / 9 - 1 / 18)
    second = 0.5 - 1 / 18
    offsets = [[0.1, 2, 7, 1 / 9], [3, 3, 3, 3.5], [9, 9, 9, 9]]
    target = [[0, 0, 7, 0], [3, 3, 3, 4], [0, 0, 0, 0]]
    found, gradient = with_gradient(smooth_l1, offsets, target, [1, 1, 0])
    assert found == pytest.approx((first + second) / 2, rel=1e-5)
    expected = [[9 * 0.1 / 2, 0.5, 0, 0.5], [0, 0, 0, -0.5], [0, 0, 0, 0]]
    np.testing.assert_allclose(gradient, expected, atol=1e-5)


def test_smooth_l1_has_no_step_where_it_bends():
    below, above = (
        with_gradient(smooth_l1, [[error, 0, 0, 0]], [[0] * 4], [1])
        for error in (1 / 9 - 1e-5, 1 / 9 + 1e-5)
    )
    assert below[0] == pytest.approx(above[0], abs=1e-4)
    np.testing.assert_allclose(below[1], above[1], atol=1e-3)


def test_cells_of_masks_count_by_weight():
    # Two masks of 2 x 2 cells, of which 4 and 1 are known, all with a logit of log 3.
    logits = np.full((1, 2, 2, 2), math.log(3))
    target = np.zeros((1, 2, 2, 2))
    target[0, 0, 0, 1] = 1
    weight = np.zeros((1, 2, 2, 2))
    weight[0, 0], weight[0, 1, 1, 0] = 1, 1
    expected = -(math.log(3 / 4) + 4 * math.log(1 / 4)) / 5
    found, gradient = with_gradient(binary, logits, target, weight)
    assert found == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(gradient[0, 1], [[0, 0], [0.75 / 5, 0]], atol=1e-6)


@pytest.mark.parametrize("shape", [(5,), (2, 3), (2, 3, 4, 4), (0,)])
def test_binary_of_nothing_is_zero(shape):
    values = np.random.default_rng(0).normal(size=shape)
    found, gradient = with_gradient(binary, values, np.ones(shape), np.zeros(shape))
    assert found == 0
    np.testing.assert_array_equal(gradient, np.zeros(shape))


@pytest.mark.parametrize("shape", [(5,), (2, 3), (0,)])
def test_smooth_l1_of_nothing_is_zero(shape):
    values = np.random.default_rng(0).normal(size=(*shape, 4))
    # As encoding of padding would have it: far away, but finite.
    found, gradient = with_gradient(smooth_l1, values, np.full((*shape, 4), -60.0), np.zeros(shape))
    assert found == 0
    np.testing.assert_array_equal(gradient, np.zeros((*shape, 4)))
