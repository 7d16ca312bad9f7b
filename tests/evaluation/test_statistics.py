from __future__ import annotations

import numpy as np
import pytest
from reference.naive_scores import naive_resample_f1

from nucseg_tf.evaluation.statistics import (
    agreement,
    percentile_interval,
    resample_sums,
    t_interval,
)


def test_resampling_equals_a_loop_over_images():
    rng = np.random.default_rng(1)
    tp = rng.integers(0, 40, 25)
    nuclei = 2 * tp + rng.integers(0, 30, 25)  # errors differ from image to image
    sums = resample_sums(np.stack([tp, nuclei], axis=1), samples=4000)
    quick = 2 * sums[:, 0] / sums[:, 1]
    slow = naive_resample_f1(tp.tolist(), nuclei.tolist(), 4000, seed=5)
    assert quick.mean() == pytest.approx(np.mean(slow), abs=2e-3)
    np.testing.assert_allclose(
        np.percentile(quick, [2.5, 50, 97.5]), np.percentile(slow, [2.5, 50, 97.5]), atol=5e-3
    )


def test_each_sample_has_as_many_images_as_there_are():
    values = np.stack([np.ones(7), np.arange(7)], axis=1)
    sums = resample_sums(values, samples=230)  # not a multiple of what is drawn at a time
    assert sums.shape == (230, 2)
    assert set(sums[:, 0]) == {7}
    assert len(set(sums[:, 1])) > 10
    np.testing.assert_array_equal(sums, resample_sums(values, samples=230))
    assert not np.array_equal(sums, resample_sums(values, samples=230, seed=1))


def test_percentiles_leave_out_what_is_not_defined():
    values = np.append(np.arange(1001.0), np.nan)
    assert percentile_interval(values) == pytest.approx((25, 975))
    assert percentile_interval(np.full(3, np.nan)) is None


def test_t_interval():
    # t(0.975, 4) = 2.776445; mean 3, standard deviation sqrt(2.5): 3 -+ 2.776445 * sqrt(0.5)
    assert t_interval(np.arange(1, 6)) == pytest.approx((1.036757, 4.963243), abs=1e-6)
    assert t_interval(np.array([0.9])) is None


def test_agreement():
    found = agreement(np.array([10, 20, 30]), np.array([11, 19, 33]))
    # Differences 1, -1, 3: mean 1, standard deviation 2.
    assert found == {"bias": 1, "low": pytest.approx(1 - 3.92), "high": pytest.approx(1 + 3.92)}
    assert agreement(np.array([4]), np.array([6])) == {"bias": 2, "low": None, "high": None}
