import numpy as np
from reference.filled import fill

from nucseg_tf.io.outlines import outlines, signed_area


def test_outline_of_an_l_by_hand():
    labels = np.array([[4, 0, 0], [4, 4, 0]])
    (ring,) = outlines(labels)[4]
    # Clockwise: along the top of the upper pixel, round the notch, back along the bottom.
    corners = [[0, 0], [0, 1], [1, 1], [1, 2], [2, 2], [2, 0]]
    start = corners.index(ring[0].tolist())
    assert ring.tolist() == corners[start:] + corners[:start]
    assert signed_area(ring) == 3


def test_filling_gives_back_random_labels_exactly():
    # Noise has every case: single pixels, holes, diagonal contacts, edges of the image.
    generator = np.random.default_rng(0)
    for _ in range(60):
        labels = generator.integers(0, 4, generator.integers(1, 14, 2))
        traced = outlines(labels)
        assert sorted(traced) == sorted(set(labels[labels > 0].tolist()))
        for label, rings in traced.items():
            np.testing.assert_array_equal(fill(rings, labels.shape), labels == label)
            assert sum(map(signed_area, rings)) == (labels == label).sum()


def test_pixels_that_touch_at_a_corner_are_pieces_of_their_own():
    rings = outlines(np.array([[1, 0], [0, 1]]))[1]
    assert [len(ring) for ring in rings] == [4, 4]


def test_no_ring_passes_a_corner_twice():
    labels = np.ones((4, 4), int)
    labels[1, 1] = labels[2, 2] = 0  # holes that touch
    rings = outlines(labels)[1]
    assert sorted(map(signed_area, rings)) == [-1, -1, 16]
    labels = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 0]])  # a hole that touches the outside
    rings = outlines(labels)[1]
    assert sorted(map(signed_area, rings)) == [-1, 8]
    assert all(len(set(map(tuple, ring.tolist()))) == len(ring) for ring in rings)


def test_no_labels_no_outlines():
    assert outlines(np.zeros((3, 4), int)) == {}
