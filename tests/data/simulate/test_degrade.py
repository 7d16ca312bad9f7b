"""Spoilt labels, and what they are in truth."""

from __future__ import annotations

import numpy as np
import pytest

from nucseg_tf.data.simulate import degrade

SIDE, COUNT = 12, 100


def squares(planes: int = 20) -> np.ndarray:
    """Planes with `COUNT` squares of 8 px, 4 px apart, numbered from 3."""
    numbers = np.arange(3, 3 + COUNT, dtype=np.int32).reshape(10, 10)
    square = np.pad(np.ones((8, 8), np.int32), 2)
    return np.stack([np.kron(numbers, square)] * planes)


def test_nothing_spoilt_is_numbered_anew():
    labels = squares(2)
    spoilt, truth = degrade(labels, np.random.default_rng(0))
    assert spoilt.dtype == np.int32
    for plane, numbers, true in zip(spoilt, truth, labels, strict=True):
        assert numbers.tolist() == list(range(3, 3 + COUNT))
        assert np.array_equal(np.append(0, numbers)[plane], true)


def test_a_share_is_dropped_in_each_plane():
    labels = squares()
    spoilt, truth = degrade(labels, np.random.default_rng(0), drop=0.2)
    left = np.mean([len(numbers) for numbers in truth]) / COUNT
    assert left == pytest.approx(0.8, abs=0.04)  # 2,000 draws: three standard deviations are 0.03
    assert len({tuple(numbers) for numbers in truth}) > 1
    assert all(plane.max() == len(n) for plane, n in zip(spoilt, truth, strict=True))


def test_a_share_is_split_in_halves():
    spoilt, truth = degrade(squares(), np.random.default_rng(0), split=0.3)
    twice = [len(numbers) - len(set(numbers.tolist())) for numbers in truth]
    assert np.mean(twice) / COUNT == pytest.approx(0.3, abs=0.04)
    areas = np.bincount(spoilt[0].ravel())[1:]
    for number in np.unique(truth[0]):
        parts = areas[truth[0] == number]
        assert parts.sum() == 64
        assert len(parts) == 1 or 20 < parts.min() <= 32


def test_neighbours_are_merged_and_the_larger_stays():
    labels = np.array([[[1, 1, 1, 2, 2, 0, 3]]], np.int32)
    spoilt, truth = degrade(labels, np.random.default_rng(0), merge=1.0)
    assert spoilt.tolist() == [[[1, 1, 1, 1, 1, 0, 2]]]
    assert [numbers.tolist() for numbers in truth] == [[1, 3]]


def test_nuclei_are_displaced_each_by_itself():
    labels = squares(1)
    spoilt, truth = degrade(labels, np.random.default_rng(0), jitter=1.0)
    same = np.append(0, truth[0])[spoilt[0]] == labels[0]
    assert 0.5 < same[labels[0] > 0].mean() < 0.95
