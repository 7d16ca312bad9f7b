from __future__ import annotations

import numpy as np
import pytest
from scale.test_estimate import field

from nucseg_tf.imaging.normalise import normalise
from nucseg_tf.imaging.raster import Plain
from nucseg_tf.scale.finder import load_finder
from nucseg_tf.scale.readings import BIAS, Readings
from nucseg_tf.scale.regions import CELL, Regions, find_cut, find_regions, local_sizes


def grid(diameters: np.ndarray, side: float = CELL) -> Readings:
    """A reading of each cell of a grid, sure and full of nuclei of these diameters, px."""
    row, column = (np.indices(diameters.shape) + 0.5) * side
    even = np.ones(diameters.size)
    sizes = np.log2(diameters).ravel()
    return Readings(row.ravel(), column.ravel(), side * even, even, sizes, even)


def halves(left: float, right: float, columns: int = 8) -> np.ndarray:
    diameters = np.full((6, 8), float(left))
    diameters[:, columns // 2 :] = right
    return diameters


def test_local_sizes_are_where_they_were_read():
    local, shares = local_sizes(grid(halves(10, 40)), (6 * CELL, 8 * CELL))
    np.testing.assert_allclose(np.exp2(local), halves(10, 40))
    np.testing.assert_allclose(shares, 1)
    none, _ = local_sizes(grid(np.zeros((0, 0))), (100, 130))
    assert none.shape == (2, 3)
    assert np.isnan(none).all()


def test_a_reading_of_many_pixels_counts_in_all_cells_that_it_covers():
    local, _ = local_sizes(grid(np.array([[30.0]]), 2 * CELL), (3 * CELL, 2 * CELL))
    np.testing.assert_array_equal(np.isfinite(local), [[True, True], [True, True], [False, False]])


def test_readings_beyond_the_image_say_nothing():
    local, _ = local_sizes(grid(halves(10, 40)), (6 * CELL, 4 * CELL))
    np.testing.assert_allclose(np.exp2(local), 10)


def test_halves_of_an_image_are_two_regions():
    found = find_regions(grid(halves(15, 60)), (6 * CELL, 8 * CELL))
    assert found.diameters == pytest.approx((15 / BIAS, 60 / BIAS))
    assert found.shares == (0.5, 0.5)
    ends = found.sizes_at(np.array([90.0, 200.0]), np.array([10.0, 500.0]))
    assert np.exp2(ends) == pytest.approx([15, 60])
    (middle,) = found.sizes_at(np.array([90.0]), np.array([4.0 * CELL]))
    assert np.exp2(middle) == pytest.approx(30)


def test_three_regions_and_no_more():
    diameters = np.repeat([[10.0, 30.0, 90.0, 270.0]], 4, axis=0)
    assert len(find_regions(grid(diameters[:, :3]), (4 * CELL, 3 * CELL)).diameters) == 3
    four = find_regions(grid(diameters), (4 * CELL, 4 * CELL))
    assert four is None or len(four.diameters) <= 3


@pytest.mark.parametrize("columns", [2, 14])
def test_where_nothing_was_seen_the_nearest_counts(columns):
    readings = grid(halves(15, 60, 8))
    shown = Readings(*(part[readings.row < 3 * CELL] for part in vars(readings).values()))
    found = find_regions(shown, (6 * CELL, 8 * CELL))
    assert np.isfinite(found.local).all()
    assert np.exp2(found.local[5]) == pytest.approx(halves(15, 60)[0])


@pytest.mark.parametrize(
    "diameters",
    [
        halves(20, 20),
        halves(20, 30),  # no need of two zooms
        halves(15, 60, 1),  # an eighth of the image or less
        np.geomspace(15, 40, 48).reshape(6, 8),  # all sizes, evenly
    ],
)
def test_usual_images_have_one_kind(diameters):
    shape = (6 * CELL, 8 * CELL)
    few = diameters.copy()
    few[:, :] = np.where(np.arange(48).reshape(6, 8) < 5, 60, 15) if diameters[0, 1] == 60 else few
    assert find_regions(grid(few), shape) is None


def test_without_nuclei_there_are_no_regions():
    nothing = grid(np.zeros((0, 0)))
    assert find_regions(nothing, (300, 200)) is None
    assert find_cut(np.zeros(0), np.zeros(0), []) is None
    assert find_cut(np.ones(1), np.ones(1), []) is None


def test_one_reading_against_the_others_of_its_place_makes_no_region():
    """Spots between nuclei that look like one large nucleus, at the zoom that shows least."""
    small, large = grid(np.full((6, 8), 12.0)), grid(np.full((6, 4), 200.0))
    pairs = zip(vars(small).values(), vars(large).values(), strict=True)
    both = Readings(*(np.concatenate(pair) for pair in pairs))
    assert find_regions(both, (6 * CELL, 8 * CELL)) is None


def test_the_shipped_network_sees_the_regions_of_a_drawn_field():
    both = np.hstack([normalise(field(14)), normalise(field(60))])
    found = load_finder()(Plain(both))
    assert isinstance(found.regions, Regions)
    assert found.regions.diameters == pytest.approx((14, 60), rel=0.35)
    assert load_finder()(Plain(normalise(field(30)))).regions is None
