from __future__ import annotations

import numpy as np
import pytest
from reference.blobs import blobs
from scipy.spatial.distance import pdist
from skimage.measure import regionprops

from nucseg_tf.inference.measure.hull import find_hulls, hull_areas, largest_diameters
from nucseg_tf.inference.measure.label_runs import group_runs


@pytest.mark.parametrize("sigma", [1, 4])
def test_areas_are_those_of_regionprops(sigma):
    labels = blobs(8, sigma)
    areas = hull_areas(find_hulls(group_runs(labels)))
    np.testing.assert_array_equal(areas, [region.area_convex for region in regionprops(labels)])


@pytest.mark.parametrize("sigma", [1, 4])
def test_diameters_are_those_between_tips_of_pixels(sigma):
    labels = blobs(9, sigma, (90, 120))
    found = largest_diameters(find_hulls(group_runs(labels)))
    steps = np.array([[0.5, 0], [-0.5, 0], [0, 0.5], [0, -0.5]])
    for index, region in enumerate(regionprops(labels)):
        tips = (region.coords[:, None] + steps).reshape(-1, 2)
        assert found[index] == pytest.approx(pdist(tips).max())


def test_diameters_are_nearly_those_of_regionprops():
    # There pixels beyond the nucleus whose centre lies on its hull put out tips of their own.
    regions = regionprops(blobs(10, 4))
    found = largest_diameters(find_hulls(group_runs(blobs(10, 4))))
    more = np.array([region.feret_diameter_max for region in regions]) - found
    convex = [region.solidity == 1 for region in regions]
    np.testing.assert_allclose(more[convex], 0, atol=1e-9)
    assert sum(convex) > 3
    assert (more > -1e-9).all()
    assert more.max() < 1


def test_no_nucleus():
    hulls = find_hulls(group_runs(np.zeros((3, 4), np.int32)))
    assert len(hull_areas(hulls)) == len(largest_diameters(hulls)) == 0
