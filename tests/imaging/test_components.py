from __future__ import annotations

import numpy as np
import pytest
from reference.drawn import random_labels
from scipy import ndimage

from nucseg_tf.imaging.components import (
    components,
    fill_holes,
    groups_of,
    keep_areas,
    neighbours,
    only_neighbour,
    single_seeds,
)

SHAPES = [(28, 35), (1, 30), (30, 1), (1, 1), (9, 4)]


def speckled(seed: int, shape: tuple[int, int], share: float = 0.25) -> np.ndarray:
    """Labels with holes and gaps of all kinds, (H, W) int32."""
    labels = random_labels(seed, shape)
    labels[np.random.default_rng(seed).random(shape) < share] = 0
    return labels


def plain_fill_holes(labels: np.ndarray) -> np.ndarray:
    """Gap by gap."""
    filled = labels.copy()
    gaps, count = ndimage.label(labels == 0)
    for gap in range(1, count + 1):
        inside = gaps == gap
        open_ = inside[0].any() or inside[-1].any() or inside[:, 0].any() or inside[:, -1].any()
        around = np.unique(labels[ndimage.binary_dilation(inside) & ~inside])
        if not open_ and len(around) == 1:
            filled[inside] = around[0]
    return filled


def plain_keep_areas(labels: np.ndarray, smallest: int, largest: int) -> np.ndarray:
    """Pixel by pixel."""
    numbers: dict[int, int] = {}
    kept = np.zeros_like(labels)
    for place, label in np.ndenumerate(labels):
        area = (labels == label).sum()
        if label and area >= max(smallest, 1) and (area <= largest or not largest):
            kept[place] = numbers.setdefault(int(label), len(numbers) + 1)
    return kept


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(4))
def test_holes_are_filled_as_gap_by_gap(seed, shape):
    labels = speckled(seed, shape)
    before = labels.copy()
    np.testing.assert_array_equal(fill_holes(labels), plain_fill_holes(labels))
    np.testing.assert_array_equal(labels, before)


@pytest.mark.parametrize("limits", [(0, 0), (5, 0), (0, 20), (4, 30)])
@pytest.mark.parametrize("seed", range(2))
def test_areas_are_kept_as_pixel_by_pixel(seed, limits):
    labels = speckled(seed, (28, 35)) * 3
    kept = keep_areas(labels, *limits)
    assert kept.dtype == np.int32
    np.testing.assert_array_equal(kept, plain_keep_areas(labels, *limits))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_few_pixels_fall_into_the_groups_that_the_image_has(shape):
    mask = np.random.default_rng(0).random(shape) < 0.5
    groups, count = groups_of(np.flatnonzero(mask), shape[1])
    numbered, expected = components(mask)
    assert count == expected
    pairs = set(zip(groups.tolist(), numbered[mask].tolist(), strict=True))
    assert len(pairs) == count  # one to one


def test_no_pixels():
    groups, count = groups_of(np.zeros(0, np.int64), 5)
    assert (len(groups), count) == (0, 0)


def test_neighbours_above_left_right_and_below():
    image = np.arange(6).reshape(2, 3)
    found = neighbours(image, np.arange(6), -1)
    assert found.tolist() == [
        [-1, -1, -1, 0, 1, 2],
        [-1, 0, 1, -1, 3, 4],
        [1, 2, -1, 4, 5, -1],
        [3, 4, 5, -1, -1, -1],
    ]
    assert neighbours(np.ones((1, 1)), np.array([0]), np.inf).ravel().tolist() == [np.inf] * 4


def test_the_only_label_around_a_group():
    labels = np.array([[1, 1, 2, 2], [0, 0, 0, 2], [1, 1, 2, 0]], np.int32)
    pixels, groups = np.array([4, 5, 6, 11]), np.array([0, 0, 0, 1])
    assert only_neighbour(labels, pixels, groups).tolist() == [0, 0, 0, 2]


@pytest.mark.parametrize("seed", range(4))
def test_pieces_of_one_seed_whatever_touches(seed):
    pieces = random_labels(seed)  # they touch
    rng = np.random.default_rng(seed)
    seeds = np.where(rng.random(pieces.shape) < 0.02, rng.integers(1, 4, pieces.shape), 0)
    seeds = np.where(pieces > 0, seeds, 0).astype(np.int32)
    seeds[pieces == 2] = 7  # wholly of one seed, which goes on into the next piece
    expected = np.zeros_like(pieces)
    for piece in np.unique(pieces[pieces > 0]):
        values = np.unique(seeds[(pieces == piece) & (seeds > 0)])
        if len(values) == 1:
            expected[pieces == piece] = values[0]
    np.testing.assert_array_equal(single_seeds(seeds, pieces), expected)
