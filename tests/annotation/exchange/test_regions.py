"""Fields cut into regions."""

from __future__ import annotations

import numpy as np
import pytest
from reference.awkward import awkward, many
from reference.drawn import random_labels

from nucseg_tf.annotation.exchange.drawn import tight
from nucseg_tf.annotation.exchange.regions import cut, shown, to_grey

FIELDS = {
    "awkward": awkward(),
    "many": many(230),
    "none": np.zeros((30, 40), np.int32),
    "one pixel": np.ones((1, 1), np.int32),
    "random": random_labels(3, (60, 90), range(1, 40)),
    "large label": np.array([[0, 2**31 - 1], [5, 0]], np.int32),
}


@pytest.mark.parametrize("nuclei", [0, 1, 3, 50, 10_000])
@pytest.mark.parametrize("name", FIELDS)
def test_every_nucleus_is_whole_in_one_region_and_cells_tile_the_field(name, nuclei):
    labels = FIELDS[name]
    regions = cut(labels, nuclei, margin=2)
    owned = sorted(label for region in regions for label in region.nuclei)
    assert owned == np.unique(labels[labels > 0]).tolist()
    cover = np.zeros(labels.shape, int)
    for region in regions:
        y0, x0, y1, x1 = region.cell
        cover[y0:y1, x0:x1] += 1
        top, left, bottom, right = region.box
        assert 0 <= top <= y0
        assert 0 <= left <= x0
        assert bottom >= y1
        assert right >= x1
        window = labels[top:bottom, left:right]
        for label in region.nuclei:
            assert np.sum(window == label) == np.sum(labels == label)
    assert (cover == 1).all()


@pytest.mark.parametrize(("nuclei", "parts"), [(50, 5), (100, 2), (0, 1), (1, 230), (500, 1)])
def test_regions_have_about_as_many_nuclei_as_asked_for(nuclei, parts):
    sizes = [len(region.nuclei) for region in cut(many(230), nuclei)]
    assert len(sizes) == parts
    assert sum(sizes) == 230
    assert max(sizes) - min(sizes) <= 1


def test_nuclei_at_one_place_are_told_apart_all_the_same():
    rings = np.zeros((21, 21), np.int32)
    for number in range(10):  # one in the other, with one centre
        rings[number : 21 - number, number : 21 - number] = number + 1
    sizes = [len(region.nuclei) for region in cut(rings, 2)]
    assert sizes == [2] * 5


def test_the_margin_ends_at_the_edge():
    labels = np.zeros((50, 50), np.int32)
    labels[20:30, 0:5] = 1
    labels[20:30, 40:45] = 2
    left, right = cut(labels, 1, margin=3)
    assert left.box == (0, 0, 50, left.cell[3] + 3)
    assert right.box == (0, right.cell[1] - 3, 50, 50)


def test_neighbours_are_shown_as_far_as_they_reach_in():
    labels = np.zeros((10, 40), np.int32)
    labels[2:8, 2:19] = 1
    labels[2:8, 19:38] = 2
    first, _ = cut(labels, 1, margin=4)
    own, neighbour = shown(labels, first)
    assert (own.label, own.neighbour, own.mask.shape) == (1, False, (6, 17))
    assert (neighbour.label, neighbour.neighbour) == (2, True)
    assert neighbour.left + neighbour.mask.shape[1] == first.box[3] - first.box[1]


def test_a_mask_without_pixels_is_empty():
    assert tight(np.zeros((3, 4), bool))[2].shape == (0, 0)
    top, left, mask = tight(np.pad(np.ones((1, 2), bool), ((2, 1), (3, 0))), 10, 20)
    assert (top, left, mask.shape) == (12, 23, (1, 2))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_grey_is_stretched_over_the_whole_field(dtype):
    pixels = np.arange(200, dtype=dtype).reshape(10, 20)
    grey = to_grey(pixels)
    assert grey.dtype == np.uint8
    assert (grey.min(), grey.max()) == (0, 255)
    assert to_grey(np.full((4, 4), 1000, np.uint16)).max() == 0
