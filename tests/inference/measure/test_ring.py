from __future__ import annotations

import numpy as np
import pytest
from reference.blobs import blobs

from nucseg_tf.errors import UsageError
from nucseg_tf.inference.measure.ring import ROWS, Ring, draw_rings


def naive(labels: np.ndarray, ring: Ring) -> np.ndarray:
    """Pixel by pixel: the least squared distance to any nucleus, then the lowest label there."""
    out = np.zeros(labels.shape, int)
    rows, columns = np.nonzero(labels)
    for y, x in np.argwhere(labels == 0):
        square = (rows - y) ** 2 + (columns - x) ** 2
        nearest = square.min(initial=10**9)
        if ring.gap**2 < nearest <= (ring.gap + ring.width) ** 2:
            out[y, x] = labels[rows, columns][square == nearest].min()
    return out


@pytest.mark.parametrize("ring", [Ring(), Ring(0, 1), Ring(1, 12), Ring(3, 2)])
@pytest.mark.parametrize("sigma", [0.4, 3])
def test_equals_the_naive_twin(ring, sigma):
    labels = blobs(7, sigma, (ROWS + 20, 50))
    labels[:, 10:35] = 0
    labels[40 : ROWS + 6] = 0
    labels[ROWS - 3, 20] = labels.max() + 1
    np.testing.assert_array_equal(draw_rings(labels, ring), naive(labels, ring))


@pytest.mark.parametrize("shape", [(0, 0), (0, 4), (1, 1), (1, 30), (30, 1), (3, 3)])
def test_small_images(shape):
    labels = np.zeros(shape, np.int32)
    assert not draw_rings(labels, Ring()).any()
    if labels.size:
        labels[0, 0] = 1
    np.testing.assert_array_equal(draw_rings(labels, Ring()), naive(labels, Ring()))


def test_high_labels_do_not_overflow():
    labels = np.zeros((5, 9), np.int64)
    labels[2, 2], labels[2, 6] = 2**31 - 9, 2**31 - 8
    rings = draw_rings(labels, Ring(1, 8))
    np.testing.assert_array_equal(rings, naive(labels, Ring(1, 8)))


def test_an_enclosed_nucleus_has_no_ring():
    labels = np.full((7, 7), 2)
    labels[2:5, 2:5] = 1
    assert set(np.unique(draw_rings(np.pad(labels, 5), Ring(0, 3)))) == {0, 2}


@pytest.mark.parametrize(("gap", "width"), [(-1, 5), (2, 0)])
def test_rings_that_make_no_sense(gap, width):
    with pytest.raises(UsageError, match=f"Received: {gap} and {width}"):
        Ring(gap, width)
