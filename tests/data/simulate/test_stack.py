"""Simulated stacks: what is promised of their labels and images."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from nucseg_tf.data.simulate import CELL_LINES, find_cell_lines, simulate_stack
from nucseg_tf.data.simulate.stack import ELONGATION, draw_solid
from nucseg_tf.errors import UsageError

SHAPE = (96, 128)
HCT116 = find_cell_lines("HCT116")[0]


@pytest.fixture(scope="module")
def drawn():
    return simulate_stack(HCT116, 1, 16, seed=3, shape=SHAPE)


def test_shapes_and_types(drawn):
    images, labels = drawn
    assert images.shape == labels.shape == (16, *SHAPE)
    assert images.dtype == np.uint16
    assert labels.dtype == np.int32
    assert set(np.unique(labels)) == set(range(labels.max() + 1))


def test_nuclei_go_through_planes_without_gaps_in_one_piece_each(drawn):
    _, labels = drawn
    depths = []
    for number in range(1, labels.max() + 1):
        planes = np.flatnonzero((labels == number).any(axis=(1, 2)))
        depths.append(len(planes))
        assert np.diff(planes).max(initial=1) == 1
        for plane in planes:
            assert ndimage.label(labels[plane] == number)[1] == 1
    assert np.median(depths) > 3
    assert labels.max() > 20


def test_images_are_bright_where_nuclei_are(drawn):
    images, labels = drawn
    inside = ndimage.binary_erosion(labels > 0, np.ones((1, 3, 3)))
    outside = ~ndimage.binary_dilation(labels > 0, np.ones((5, 7, 7)))
    assert images[inside].mean() > 3 * (images[outside].mean() - 200) + 200


def test_the_same_arguments_give_the_same_stack(drawn):
    again = simulate_stack(HCT116, 1, 16, seed=3, shape=SHAPE)
    assert all(np.array_equal(one, other) for one, other in zip(drawn, again, strict=True))
    other = simulate_stack(HCT116, 2, 16, seed=3, shape=SHAPE)
    assert not np.array_equal(drawn[1], other[1])


@pytest.mark.parametrize("line", CELL_LINES, ids=lambda line: line.name)
def test_solids_are_thickest_in_the_middle(line):
    solid = draw_solid(np.random.default_rng(0), line, step=1.0)
    areas = np.array([np.count_nonzero(section) for section in solid.sections])
    assert np.array_equal(solid.sections[solid.reach], solid.nucleus.mask)
    assert (np.diff(areas[: solid.reach + 1]) >= 0).all()
    assert np.array_equal(areas, areas[::-1])
    radius = np.sqrt(np.count_nonzero(solid.nucleus.mask) / np.pi) * line.pixel_size
    assert ELONGATION[0] <= solid.half / radius <= ELONGATION[1]


def test_a_shape_out_of_range_is_a_usage_error():
    with pytest.raises(UsageError, match="--size: sides must be 64 to 4096 px"):
        simulate_stack(HCT116, 1, 2, shape=(32, 32))
