from __future__ import annotations

import numpy as np
import pytest
from reference.naive_scores import naive_boundary_distance

from nucseg_tf.evaluation import boundary
from nucseg_tf.evaluation.boundary import boundary_distances


def square(shape, top, left, side, label=1):
    labels = np.zeros(shape, np.int32)
    labels[top : top + side, left : left + side] = label
    return labels


def test_concentric_squares():
    # Outlines of 7 x 7 and 5 x 5: 24 and 16 px. The 4 corners of the outer are sqrt(2) from the
    # inner outline, its other 20 px 1; each of the inner 16 px has an outer one at 1.
    outer, inner = square((11, 11), 2, 2, 7), square((11, 11), 3, 3, 5)
    expected = (4 * np.sqrt(2) + 20 + 16) / 40
    assert boundary_distances(outer, inner, np.array([[1, 1]])) == pytest.approx([expected])


def test_equal_nuclei_are_at_distance_zero(toy):
    labels = toy[1]
    pairs = np.stack([np.arange(1, 5)] * 2, axis=1)
    assert boundary_distances(labels, labels, pairs).tolist() == [0, 0, 0, 0]


def test_the_edge_of_the_image_is_no_outline():
    truth, prediction = square((9, 20), 0, 0, 9), square((9, 20), 0, 0, 9)
    prediction[:, 9:11] = 1  # 9 x 9 and 9 x 11: one column of outline each, two pixels apart
    assert boundary_distances(truth, prediction, np.array([[1, 1]])).tolist() == [2]


def test_a_nucleus_that_fills_the_image_has_no_distance():
    truth, prediction = np.ones((6, 6), int), square((6, 6), 1, 1, 5)
    assert np.isnan(boundary_distances(truth, prediction, np.array([[1, 1]]))).all()


def test_neighbours_do_not_count():
    # Two nuclei touch at column 10, predicted at column 6. The rim of the first is at 9, predicted
    # at 5: 4 px apart, though the predicted rim of its neighbour is but 3 px away.
    truth = np.repeat([1] * 10 + [2] * 10, 6).reshape(20, 6).T
    prediction = np.repeat([1] * 6 + [2] * 14, 6).reshape(20, 6).T
    pairs = np.array([[1, 1], [2, 2]])
    assert boundary_distances(truth, prediction, pairs).tolist() == [4, 4]


def test_no_pairs():
    labels = np.zeros((5, 5), int)
    assert boundary_distances(labels, labels, np.zeros((0, 2), int)).shape == (0,)


@pytest.mark.parametrize("chunk_pixels", [1 << 22, 40])
@pytest.mark.parametrize("chunk_pairs", [500, 1])
def test_equals_brute_force(chunk_pixels, chunk_pairs, monkeypatch):
    monkeypatch.setattr(boundary, "CHUNK_PIXELS", chunk_pixels)
    monkeypatch.setattr(boundary, "CHUNK_PAIRS", chunk_pairs)
    rng = np.random.default_rng(3)
    truth = np.zeros((40, 60), np.int64)
    prediction = np.zeros_like(truth)
    labels = [(70_000, 5), (3, 90), (12, 4), (40, 41)]  # not sequential, not in order
    for number, (ours, theirs) in enumerate(labels):
        y, x = 2 + 20 * (number // 2), 30 * (number % 2)
        height, width = rng.integers(8, 16, 2)
        dy, dx = rng.integers(0, 3, 2)
        truth[y : y + height, x : x + width] = ours
        prediction[y + dy : y + height, x + dx : x + width + 2] = theirs
    found = boundary_distances(truth, prediction, np.array(labels))
    expected = [naive_boundary_distance(truth == a, prediction == b) for a, b in labels]
    np.testing.assert_allclose(found, expected)
    turned = boundary_distances(truth.T, prediction.T, np.array(labels))
    np.testing.assert_allclose(turned, expected)
