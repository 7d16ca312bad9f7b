from __future__ import annotations

import numpy as np
import pytest
from reference.blobs import blobs

from nucseg_tf.inference.measure.label_runs import expand, group_runs


@pytest.mark.parametrize("pad", [0, 1])
def test_places_are_the_pixels_of_each_label(pad):
    labels = blobs(12, 1, (30, 40))
    runs = group_runs(labels)
    places = np.split(runs.places(40, pad), np.cumsum(runs.area)[:-1])
    flat = np.pad(labels, pad).ravel()
    for label, place in zip(runs.label, places, strict=True):
        np.testing.assert_array_equal(place, np.flatnonzero(flat == label))


def test_extremes():
    runs = group_runs(np.array([[0, 3, 0, 3], [3, 0, 5, 5]]))
    assert runs.least(runs.left).tolist() == [0, 2]
    assert runs.greatest(runs.right).tolist() == [3, 3]
    assert runs.total(runs.length).tolist() == [3, 2]


def test_nothing_expands_to_nothing():
    assert len(expand(np.zeros(0, int), np.zeros(0, int))) == 0
    assert expand(np.array([4, 9]), np.array([0, 2])).tolist() == [9, 10]
