import cv2
import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from nucseg_tf.data.augment import geometry
from nucseg_tf.types import IGNORED


def roi(height=40, width=40, seed=0):
    rng = np.random.default_rng(seed)
    image = ndimage.gaussian_filter(rng.random((height, width)), 2).astype(np.float32)
    return tf.constant(image[..., None]), tf.constant(rng.integers(0, 5, (height, width), np.int32))


def test_flips_agree_with_numpy():
    image, labels = roi()
    np.testing.assert_array_equal(geometry.adjust_flip_left_right(image), image.numpy()[:, ::-1])
    np.testing.assert_array_equal(geometry.adjust_flip_up_down(labels), labels.numpy()[::-1])


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_right_angles_agree_with_numpy(turns):
    image, labels = roi()
    turned = geometry.adjust_rotate90(image, tf.constant(turns))
    np.testing.assert_array_equal(turned, np.rot90(image.numpy(), turns))
    turned = geometry.adjust_rotate90(labels, tf.constant(turns))
    np.testing.assert_array_equal(turned, np.rot90(labels.numpy(), turns))


@pytest.mark.parametrize("degrees", [-33.0, 10.0, 90.0])
def test_free_rotation_agrees_with_scipy(degrees):
    image, labels = roi(41, 41)
    turned, moved = geometry.random_rotate(image, labels, tf.constant([1, 2]), (degrees, degrees))
    options = {"reshape": False, "prefilter": False}
    expected = ndimage.rotate(image[..., 0], degrees, order=1, mode="reflect", **options)
    np.testing.assert_allclose(turned[..., 0], expected, atol=1e-4)
    expected = ndimage.rotate(
        labels.numpy(), degrees, order=0, mode="constant", cval=IGNORED, **options
    )
    known = (moved.numpy() != IGNORED) & (expected != IGNORED)  # SciPy ends half a pixel earlier
    assert known.mean() > 0.8
    assert np.mean(moved.numpy() == expected, where=known) > 0.995  # ties of rounding differ


@pytest.mark.parametrize("factor", [0.5, 1.7])
def test_resize_about_the_centre_agrees_with_opencv(factor):
    image, labels = roi(41, 41)
    resized, _ = geometry.random_resize(image, labels, tf.constant([1, 2]), (factor, factor))
    matrix = np.array([[factor, 0, 20 * (1 - factor)], [0, factor, 20 * (1 - factor)]])
    grey = image[..., 0].numpy()
    expected = cv2.warpAffine(grey, matrix, (41, 41), borderMode=cv2.BORDER_REFLECT)
    np.testing.assert_allclose(resized[..., 0], expected, atol=0.01)  # OpenCV's weights have 5 bits


def test_shrinking_leaves_unknown_labels_around():
    image, _ = roi()
    labels = tf.ones((40, 40), tf.int32)
    _, moved = geometry.random_resize(image, labels, tf.constant([1, 2]), (0.5, 0.5))
    assert {*np.unique(moved)} == {IGNORED, 1}
    assert np.sum(moved == 1) == 400


def test_elastic_agrees_with_scipy():
    image, labels = roi()
    field = geometry.smooth_displacement(40, 40, 4.0, 12.0, tf.constant([5, 6]))
    places = np.indices((40, 40)) + field.numpy()
    expected = ndimage.map_coordinates(image[..., 0].numpy(), places, order=1, mode="reflect")
    found = geometry.adjust_elastic(image, field)[..., 0]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    moved = geometry.adjust_elastic(labels[..., None], field, nearest=True)[..., 0]
    inside = np.all((np.rint(places) >= 0) & (np.rint(places) < 40), axis=0)
    assert not inside.all()
    assert (moved.numpy()[~inside] == IGNORED).all()
    row, column = np.rint(places).astype(int).clip(0, 39)
    np.testing.assert_array_equal(moved.numpy()[inside], labels.numpy()[row, column][inside])


def test_displacement_has_its_magnitude_and_is_smooth():
    field = geometry.smooth_displacement(128, 128, 3.0, 32.0, tf.constant([0, 1])).numpy()
    assert np.sqrt(np.mean(field**2)) == pytest.approx(3.0, rel=1e-3)
    assert np.abs(np.diff(field, axis=1)).max() < 1.0  # so that nothing is folded over


def test_no_displacement_changes_nothing():
    image, labels = roi()
    bent, moved = geometry.random_elastic(image, labels, tf.constant([1, 2]), (0, 0), (24, 48))
    np.testing.assert_allclose(bent, image, atol=1e-6)
    np.testing.assert_array_equal(moved, labels)
