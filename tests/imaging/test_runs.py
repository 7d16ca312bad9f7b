from __future__ import annotations

import numpy as np
import pytest
from reference.drawn import random_labels
from scipy import ndimage

from nucseg_tf.imaging.runs import find_runs


@pytest.mark.parametrize("shape", [(28, 35), (1, 9), (9, 1), (1, 1)])
def test_runs_are_painted_back(shape):
    labels = random_labels(1, shape)
    runs = find_runs(labels)
    np.testing.assert_array_equal(runs.paint(), labels)
    table = np.arange(9)[::-1]
    np.testing.assert_array_equal(runs.renumber(table).paint(), table[labels])


def test_areas_first_pixels_and_largest_values():
    labels = random_labels(2)
    labels[labels == 3] = 0  # a label left out
    image = np.random.default_rng(0).normal(size=labels.shape).astype(np.float32)
    image[labels == 5] = -1
    runs = find_runs(labels)
    areas, firsts = runs.areas_and_firsts()
    largest = runs.largest(image)
    for label in range(labels.max() + 1):
        inside = labels == label
        assert areas[label] == inside.sum()
        assert firsts[label] == (np.flatnonzero(inside)[0] if inside.any() else 0)
        if label:
            assert largest[label - 1] == max(image[inside].max(initial=0), 0)


@pytest.mark.parametrize("shape", [(28, 35), (1, 9), (9, 1), (1, 1)])
def test_boxes_are_those_of_scipy(shape):
    labels = random_labels(3, shape)
    labels[labels == 2] = 0
    assert find_runs(labels).boxes() == ndimage.find_objects(labels)


def test_runs_end_where_other_labels_change():
    labels = np.array([[1, 1, 1, 0], [0, 0, 1, 1]])
    other = np.array([[0, 2, 2, 2], [2, 2, 2, 2]])
    runs = find_runs(labels, other)
    assert runs.starts.tolist() == [0, 1, 3, 4, 6]
    assert other.ravel()[runs.starts].tolist() == [0, 2, 2, 2, 2]
    np.testing.assert_array_equal(runs.paint(), labels)
