import cv2
import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from nucseg_tf.data.augment import contrast

SEED = tf.constant([3, 4])


def picture(height=256, width=256, seed=0) -> np.ndarray:
    image = ndimage.gaussian_filter(np.random.default_rng(seed).random((height, width)), 4)
    return ((image - image.min()) / np.ptp(image)).astype(np.float32)


@pytest.mark.parametrize("shape", [(256, 256), (100, 130)])
@pytest.mark.parametrize("clip_limit", [1.0, 5.0, 50.0])
def test_clahe_agrees_with_opencv(shape, clip_limit):
    image = picture(*shape)
    grey = np.floor(image * 255 + 0.5).astype(np.uint8)
    expected = cv2.createCLAHE(clip_limit, (8, 8)).apply(grey)
    found = contrast.adjust_clahe(tf.constant(image[..., None]), clip_limit)[..., 0] * 255
    assert np.abs(found - expected).max() < 0.51  # OpenCV rounds to whole levels


def test_clahe_of_a_constant_image_is_constant():
    found = contrast.adjust_clahe(tf.fill((64, 64, 1), 0.25), 5.0).numpy()
    assert np.isfinite(found).all()
    assert np.ptp(found) == 0


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_gamma_changes_what_is_above_zero(gamma):
    image = np.linspace(-0.5, 2, 64, dtype=np.float32).reshape(8, 8, 1)
    found = contrast.adjust_gamma(tf.constant(image), gamma)
    expected = np.where(image > 0, np.abs(image) ** gamma, image)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_gamma_of_very_bright_pixels_stays_finite():
    found = contrast.adjust_gamma(contrast.adjust_gamma(tf.fill((2, 2, 1), 100.0), 10.0), 10.0)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("fraction", [0.0, 0.02, 0.125])
def test_saturation_clips_at_the_percentile(fraction):
    image = picture() * 0.8
    limit = np.quantile(image, 1 - fraction)
    found = contrast.adjust_saturation(tf.constant(image[..., None]), fraction)[..., 0].numpy()
    assert found.max() == 1
    np.testing.assert_allclose(found, np.minimum(image / limit, 1), atol=2e-3)


def test_saturation_makes_the_brightest_one_however_bright():
    image = 8 * picture()
    found = contrast.adjust_saturation(tf.constant(image[..., None]), 0.0)[..., 0].numpy()
    np.testing.assert_allclose(found, image / image.max(), atol=1e-3)


def test_saturation_of_a_dark_image_changes_nothing():
    image = tf.fill((8, 8, 1), -0.2)
    np.testing.assert_array_equal(contrast.adjust_saturation(image, 0.1), image)


def test_illumination_brightens_the_side_it_points_to():
    image = tf.ones((64, 64, 1))
    right = contrast.adjust_illumination(image, 0.5, 0.0)[..., 0].numpy()
    np.testing.assert_allclose(right, np.broadcast_to(np.linspace(0.5, 1.5, 64), (64, 64)), 1e-5)
    up = contrast.adjust_illumination(image, 0.5, 90.0)[..., 0].numpy()
    np.testing.assert_allclose(up, right[:, ::-1].T, atol=1e-5)


def test_multiply_and_add_draw_one_number_a_roi():
    image, labels = tf.constant(picture(8, 8)[..., None]) + 0.1, tf.zeros((8, 8), tf.int32)
    factors, values = [], []
    for n in range(60):
        found, _ = contrast.random_multiply(image, labels, tf.constant([n, 0]), (0.1, 10))
        assert np.ptp(found / image) < 1e-5
        factors.append(float(found[0, 0, 0] / image[0, 0, 0]))
        found, _ = contrast.random_add(image, labels, tf.constant([n, 0]), (-0.3, 0.3))
        values.append(float(found[0, 0, 0] - image[0, 0, 0]))
    assert 0.1 <= min(factors) < 0.3
    assert 3 < max(factors) <= 10
    assert 0.5 < np.median(factors) < 2  # log-uniform
    assert -0.3001 < min(values) < -0.2
    assert 0.2 < max(values) <= 0.3
