import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from nucseg_tf.data.augment import draw, sums

SEEDS = [(0, 0), (0, 1), (1, 0), (7, -3), (2**31 - 1, 5)]


@pytest.mark.parametrize("seed", SEEDS)
def test_pixels_are_uniform_and_independent_of_their_neighbours(seed):
    found = draw.pixels((256, 256), tf.constant(seed)).numpy()
    assert found.min() >= 0
    assert found.max() < 1
    assert stats.kstest(found.ravel(), "uniform").pvalue > 1e-3
    for step in (1, 2, 256, 257):
        flat = found.ravel()
        assert abs(np.corrcoef(flat[:-step], flat[step:])[0, 1]) < 0.02


def test_pixels_depend_on_the_whole_seed():
    found = [draw.pixels((64, 64), tf.constant(seed)).numpy().ravel() for seed in SEEDS]
    again = draw.pixels((64, 64), tf.constant(SEEDS[0])).numpy().ravel()
    np.testing.assert_array_equal(found[0], again)
    correlation = np.corrcoef(found) - np.eye(len(SEEDS))
    assert np.abs(correlation).max() < 0.06


def test_seeds_that_follow_one_another_are_apart():
    """Adding to the seed must not shift the numbers by as many places."""
    one, two = (draw.pixels((4096,), tf.constant([n, 0])).numpy() for n in (5, 6))
    shared = np.intersect1d(one, two)
    assert len(shared) < 20


def test_normals_are_normal():
    found = draw.normals((256, 256), tf.constant([3, 4])).numpy().ravel()
    assert np.isfinite(found).all()
    assert stats.kstest(found, "norm").pvalue > 1e-3


@pytest.mark.parametrize("compiled", [False, True])
def test_the_rarest_numbers_are_finite(compiled):
    """The smallest and the largest number that `pixels` can give: one in 2^24 each."""
    drawn = tf.constant([0.0, 0.5, 1.0 - 2.0**-24])
    found = tf.function(draw.to_normal, jit_compile=compiled)(drawn).numpy()
    expected = stats.norm.ppf([2.0**-25, 0.5, 1.0 - 2.0**-25])
    np.testing.assert_allclose(found, expected, rtol=0.03, atol=1e-6)


def test_bins_are_counted_and_added_up():
    bins = np.random.default_rng(0).integers(0, 64, 1000).astype(np.int32)
    counts = sums.count_bins(tf.constant(bins), 64)
    np.testing.assert_array_equal(counts, np.bincount(bins, minlength=64))
    values = np.random.default_rng(1).random((3, 64), np.float32)
    np.testing.assert_allclose(sums.cumulate(tf.constant(values)), values.cumsum(1), rtol=1e-5)
