import numpy as np
import pytest
import tensorflow as tf
from scipy import stats
from skimage.util import random_noise

from nucseg_tf.data.augment import noise

SEED = tf.constant([3, 4])
LABELS = tf.zeros((256, 256), tf.int32)
GREY = tf.fill((256, 256, 1), 0.5)


def apply(operation, **ranges) -> np.ndarray:
    image, labels = operation(GREY, LABELS, SEED, **ranges)
    assert labels is LABELS
    return image.numpy()[..., 0]


@pytest.mark.parametrize("sigma", [0.001, 0.1])
def test_gaussian_noise_is_normal(sigma):
    found = apply(noise.random_gaussian_noise, sigma=(sigma, sigma)) - 0.5
    assert stats.kstest(found.ravel() / sigma, "norm").pvalue > 1e-3


def test_camera_noise_grows_with_the_root_of_the_signal():
    deviations = []
    for level in (0.0, 0.6, 1.7):
        image = tf.fill((256, 256, 1), level)
        found, _ = noise.random_camera_noise(image, LABELS, SEED, (0.05, 0.05))
        deviations.append(np.std(found))
    expected = 0.05 * np.sqrt(0.3 + np.array([0.0, 0.6, 1.7]))
    np.testing.assert_allclose(deviations, expected, rtol=0.02)


@pytest.mark.parametrize("rate", [0.3, 4.0, 20.0])
def test_poisson_numbers_follow_their_distribution(rate):
    drawn = tf.random.stateless_uniform((100_000,), SEED)
    found = noise.poisson_numbers(rate, drawn, rate).numpy()
    expected = stats.poisson.ppf(drawn.numpy().astype(float), rate)
    assert np.mean(found != expected) < 1e-4  # in float32 a draw may lie on a step
    assert np.abs(found - expected).max() <= 1


def test_the_rarest_poisson_numbers_are_no_specks():
    drawn = tf.constant([0.5, 1 - 2.0**-24])
    for rate in (1.0, 57.0, 60.0, 63.0, 199.0):
        found = noise.poisson_numbers(rate, drawn, 200.0).numpy()
        assert found[0] == stats.poisson.median(rate)
        assert found[1] <= rate + 6 * np.sqrt(rate) + 10


def test_poisson_noise_adds_grey_levels():
    levels = (apply(noise.random_poisson, rate=(7, 7)) - 0.5) * 255
    np.testing.assert_allclose(levels, np.rint(levels), atol=1e-3)
    assert levels.mean() == pytest.approx(7, rel=0.02)
    assert apply(noise.random_poisson, rate=(0, 0)).max() == 0.5


def test_salt_and_pepper_are_as_many_as_in_scikit_image():
    found = apply(noise.random_salt_and_pepper, probability=(0.05, 0.05))
    twin = random_noise(np.full((256, 256), 0.5), mode="s&p", amount=0.05, rng=0)
    for value in (0.0, 0.5, 1.0):
        assert np.sum(found == value) == pytest.approx(np.sum(twin == value), rel=0.1)
    assert {*np.unique(found)} == {0.0, 0.5, 1.0}


def test_impulses_are_uniform():
    found = apply(noise.random_impulse, probability=(0.15, 0.15)).ravel()
    changed = found[found != 0.5]
    assert len(changed) / len(found) == pytest.approx(0.15, rel=0.05)
    assert stats.kstest(changed, "uniform").pvalue > 1e-3


def test_dropout_makes_pixels_black():
    found = apply(noise.random_dropout, probability=(0.1, 0.1))
    assert {*np.unique(found)} == {0.0, 0.5}
    assert np.mean(found == 0) == pytest.approx(0.1, rel=0.05)


def test_probability_zero_changes_nothing():
    for operation in (noise.random_dropout, noise.random_impulse, noise.random_salt_and_pepper):
        assert np.ptp(apply(operation, probability=(0, 0))) == 0


def test_blank_rois_have_no_labels_and_the_range_of_a_field():
    labels = LABELS + 1
    for number in range(4):
        image, none = noise.sometimes_blank(GREY, labels, tf.constant([number, 1]), 1.0)
        assert not none.numpy().any()
        low, high = np.percentile(image, (1, 99.8))
        assert low == pytest.approx(0, abs=0.1)
        assert high == pytest.approx(1, abs=0.1)
    kept, same = noise.sometimes_blank(GREY, labels, SEED, 0.0)
    np.testing.assert_array_equal(kept, GREY)
    np.testing.assert_array_equal(same, labels)
