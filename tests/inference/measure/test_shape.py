from __future__ import annotations

import numpy as np
import pytest
from reference.blobs import blobs
from skimage.draw import ellipse
from skimage.measure import regionprops

from nucseg_tf.inference.measure.label_runs import group_runs
from nucseg_tf.inference.measure.shape import ellipses


def measured(labels: np.ndarray) -> dict[str, np.ndarray]:
    runs = group_runs(labels)
    row = runs.total(runs.length * runs.row) / runs.area
    column = runs.total(runs.length * (runs.left + runs.right) / 2) / runs.area
    return ellipses(runs, row, column)


@pytest.mark.parametrize("sigma", [1, 3])
def test_equals_regionprops(sigma):
    labels = blobs(3, sigma)
    regions, found = regionprops(labels), measured(labels)
    for name, theirs in (("major_axis", "axis_major_length"), ("minor_axis", "axis_minor_length")):
        expected = [getattr(region, theirs) for region in regions]
        np.testing.assert_allclose(found[name], expected, atol=1e-6)
    # An axis has two directions, and a round nucleus no axis: there, rounding decides.
    long = found["eccentricity"] > 0.1
    turn = found["orientation"] - [region.orientation for region in regions]
    np.testing.assert_allclose(np.sin(turn[long]), 0, atol=1e-6)
    assert long.sum() > 30


@pytest.mark.parametrize("degrees", [10, 45, 80, -10, -45, -80])
def test_orientation(degrees):
    labels = np.zeros((80, 80), np.int32)
    labels[ellipse(40, 40, 30, 9, rotation=np.radians(degrees))] = 1
    (expected,) = (region.orientation for region in regionprops(labels))
    assert measured(labels)["orientation"] == pytest.approx(expected)
    assert np.degrees(expected) == pytest.approx(degrees, abs=1)


def test_what_has_no_direction():
    labels = np.zeros((9, 40), np.int32)
    labels[1:4, 1:4] = 1
    labels[6, 3] = 2
    labels[1:7, 20] = 3
    labels[4, 30:37] = 4
    np.testing.assert_array_equal(
        measured(labels)["orientation"], [-np.pi / 4, -np.pi / 4, 0, np.pi / 2]
    )
    np.testing.assert_array_equal(measured(labels)["minor_axis"][1:], 0)
    assert measured(labels)["major_axis"][1] == 0
