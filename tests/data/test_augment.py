import numpy as np
import pytest
import tensorflow as tf

from nucseg_tf.config import Augment
from nucseg_tf.data import augment as aug

SEED = tf.constant([3, 4])


@pytest.fixture
def roi():
    rng = np.random.default_rng(0)
    labels = np.zeros((32, 32), np.int32)
    labels[4:12, 6:20], labels[20:30, 3:9] = 1, 2
    image = (labels > 0) * 0.8 + rng.normal(0, 0.02, labels.shape)
    return tf.constant(image[..., None], tf.float32), tf.constant(labels)


def test_flip_rotate_moves_image_and_labels_alike(roi):
    image, labels = roi
    seen = set()
    for number in range(40):
        moved, moved_labels = aug.flip_rotate(image, labels, tf.constant([number, 0]))
        np.testing.assert_array_equal(moved.numpy()[..., 0] > 0.4, moved_labels.numpy() > 0)
        assert sorted(np.unique(moved_labels, return_counts=True)[1]) == [60, 112, 852]
        seen.add(moved_labels.numpy().tobytes())
    assert len(seen) == 8


def test_gamma_of_one_changes_nothing_and_two_squares(roi):
    image, _ = roi
    np.testing.assert_allclose(aug.gamma(image, SEED, (1.0, 1.0)), image, atol=1e-6)
    squared = aug.gamma(image, SEED, (2.0, 2.0)).numpy()
    positive = image.numpy() > 1e-3
    np.testing.assert_allclose(squared[positive], image.numpy()[positive] ** 2, rtol=1e-4)


def test_gain_and_offset_are_as_asked(roi):
    image, _ = roi
    changed = aug.gain_offset(image, SEED, (1.5, 1.5), (0.1, 0.1))
    np.testing.assert_allclose(changed, image * 1.5 + 0.1, rtol=1e-5)


def test_dim_scales_within_its_limits(roi):
    image, _ = roi
    factors = [
        float(aug.dim(image, tf.constant([n, 0]), (0.1, 0.5))[5, 8, 0] / image[5, 8, 0])
        for n in range(30)
    ]
    assert 0.1 <= min(factors) < 0.2
    assert 0.3 < max(factors) <= 0.5


def test_blur_agrees_with_scipy(roi):
    from scipy import ndimage

    image, _ = roi
    expected = ndimage.gaussian_filter(image.numpy()[..., 0], 1.5, mode="mirror", truncate=10 / 3)
    np.testing.assert_allclose(aug.blur(image, SEED, (1.5, 1.5))[..., 0], expected, atol=2e-4)


def test_noise_has_the_standard_deviation_asked_for():
    flat = tf.fill((200, 200, 1), 0.7)
    noisy = aug.noise(flat, SEED, (0.1, 0.1)).numpy()
    assert noisy.std() == pytest.approx(0.1, rel=0.05)  # sqrt(0.3 + 0.7) = 1
    assert noisy.mean() == pytest.approx(0.7, abs=0.01)


def test_blank_has_no_nuclei(roi):
    image, labels = aug.blank(*roi, SEED)
    assert labels.numpy().max() == 0
    assert image.numpy().std() == pytest.approx(0.19, rel=0.15)


def test_whole_policy_is_a_function_of_the_seed_alone(roi):
    policy = Augment()
    eager = [aug.augment(*roi, tf.constant([1, n]), policy, 0.1) for n in range(8)]
    graph = tf.data.Dataset.range(8).map(
        lambda n: aug.augment(*roi, tf.stack([1, tf.cast(n, tf.int32)]), policy, 0.1)
    )
    for (image, labels), (image_again, labels_again) in zip(eager, graph, strict=True):
        np.testing.assert_allclose(image, image_again, atol=1e-5)
        np.testing.assert_array_equal(labels, labels_again)
        assert image.numpy().min() >= -0.5
        assert image.numpy().max() <= 2
    assert len({image.numpy().tobytes() for image, _ in eager}) == 8
