from __future__ import annotations

import numpy as np
import pytest
from reference.blobs import blobs
from skimage.measure import perimeter, regionprops

from nucseg_tf.inference.measure.perimeter import perimeters


@pytest.mark.parametrize("sigma", [0.01, 0.6, 2, 6])
def test_equals_regionprops(sigma):
    labels = blobs(11, sigma)
    expected = [region.perimeter for region in regionprops(labels)]
    np.testing.assert_allclose(perimeters(labels), expected, atol=1e-9)


def test_nuclei_that_touch_do_not_mix():
    labels = np.random.default_rng(0).integers(0, 4, (9, 11)).repeat(4, 0).repeat(3, 1)
    expected = [perimeter(labels == number) for number in (1, 2, 3)]
    np.testing.assert_allclose(perimeters(labels), expected)


def test_drawn_cases():
    labels = np.zeros((7, 12), np.int32)
    labels[1:5, 1:6] = 1  # a rectangle of 4 x 5: between the centres of its outline 3 + 4 + 3 + 4
    labels[2, 8] = 2
    labels[5, 8:10] = 4
    np.testing.assert_allclose(perimeters(labels), [14, 0, 0, 0])
    np.testing.assert_allclose(perimeters(labels[2:4, 1:6] > 0), [perimeter(np.ones((2, 5)))])


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (2, 0), (1, 1), (1, 4), (2, 2)])
def test_small_images(shape):
    assert len(perimeters(np.zeros(shape, np.int32))) == 0
    if 0 not in shape:
        full = np.ones(shape, np.int32)
        np.testing.assert_allclose(perimeters(full), [perimeter(full)])
