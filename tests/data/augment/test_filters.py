import cv2
import numpy as np
import pytest
import tensorflow as tf

from nucseg_tf.data.augment import filters


def picture(height=61, width=80) -> np.ndarray:
    return np.random.default_rng(0).random((height, width), np.float32)


@pytest.mark.parametrize("sigma", [0.3, 1.0, 4.0, 9.0])
def test_gaussian_blur_agrees_with_opencv(sigma):
    image = picture()
    expected = cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
    found = filters.adjust_gaussian_blur(tf.constant(image[..., None]), sigma, 36)[..., 0]
    np.testing.assert_allclose(found, expected, atol=2e-4)  # OpenCV cuts its kernel off


def test_gaussian_blur_of_sigma_zero_changes_nothing():
    image = picture()
    found = filters.adjust_gaussian_blur(tf.constant(image[..., None]), 0.0, 4)[..., 0]
    np.testing.assert_allclose(found, image, atol=1e-6)


@pytest.mark.parametrize("width", [1, 3, 5])
def test_median_agrees_with_opencv(width):
    image = picture()
    found = filters.adjust_median_blur(tf.constant(image[..., None]), width)[..., 0]
    np.testing.assert_array_equal(found, cv2.medianBlur(image, width) if width > 1 else image)


def test_even_widths_act_as_the_odd_ones_above():
    image, labels = tf.constant(picture()[..., None]), tf.zeros((61, 80), tf.int32)
    for even, odd in ((2, 3), (4, 5)):
        found, _ = filters.random_median_blur(image, labels, tf.constant([1, 2]), (even, even))
        np.testing.assert_array_equal(found, filters.adjust_median_blur(image, odd))
