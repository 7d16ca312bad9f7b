from __future__ import annotations

import numpy as np
import pytest

from nucseg_tf.inference.measure.neighbours import count_neighbours, typical_distance


@pytest.mark.parametrize("distance", [0, 3, 20, 1000])
def test_equals_the_naive_twin(distance):
    rng = np.random.default_rng(0)
    row, column = rng.integers(0, 60, (2, 80)).astype(float)
    apart = np.hypot(row[:, None] - row, column[:, None] - column)
    expected = (apart <= distance).sum(axis=1) - 1
    np.testing.assert_array_equal(count_neighbours(row, column, distance), expected)


def test_just_as_far_counts_wherever_it_lies():
    for start in (0, 1 / 3, 4096 + 1 / 7):
        row = start + np.array([0.0, 10.0])
        assert count_neighbours(row, np.zeros(2), 10).tolist() == [1, 1]


def test_typical_distance():
    # The median disc has a diameter of 20 px.
    assert typical_distance(np.array([1, np.pi * 100, 9999])) == pytest.approx(60)
    assert typical_distance(np.zeros(0)) == 0


def test_no_nucleus():
    assert count_neighbours(np.zeros(0), np.zeros(0), 5).tolist() == []
