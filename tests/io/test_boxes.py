"""Boxes, and where labels lie."""

from __future__ import annotations

import numpy as np

from nucseg_tf.io.boxes import Nucleus, clip_box, find_nuclei, shape_of, slices


def test_nuclei_are_those_of_a_naive_count():
    labels = np.random.default_rng(2).choice([0, 0, 0, 3, 7, 70_000], (17, 23)).astype(np.int32)
    found = find_nuclei(labels, (100, 200))
    assert sorted(found) == [3, 7, 70_000]
    for label, nucleus in found.items():
        rows, columns = np.nonzero(labels == label)
        box = (rows.min() + 100, columns.min() + 200, rows.max() + 101, columns.max() + 201)
        assert nucleus == Nucleus(box, len(rows))


def test_a_box_outside_the_field_is_empty():
    assert shape_of(clip_box((-9, -9, -3, -3), (5, 5))) == (0, 0)
    assert shape_of(clip_box((7, 7, 9, 9), (5, 5))) == (0, 0)
    assert np.zeros((5, 5))[slices(clip_box((-2, 3, 2, 9), (5, 5)))].shape == (2, 2)
