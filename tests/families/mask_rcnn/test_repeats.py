import itertools

import numpy as np
import pytest

from nucseg_tf.families.mask_rcnn.paste import Masks
from nucseg_tf.families.mask_rcnn.repeats import find_pairs, find_repeats

LEFT, RIGHT = (0, 0, 40, 36), (0, 24, 40, 60)  # columns 24 to 36 are in both


def boxes(*found) -> Masks:
    """Masks that fill their bounds: (tile, bounds)."""
    tiles, bounds = (
        np.array(values, np.int64).reshape(-1, 4) for values in zip(*found, strict=True)
    )
    pixels = [np.ones((y1 - y0, x1 - x0), bool) for y0, x0, y1, x1 in bounds]
    area = np.array([mask.size for mask in pixels])
    part = np.unique(tiles, axis=0, return_inverse=True)[1].ravel()
    return Masks(pixels, bounds, area, np.ones(len(area), np.float32), part, tiles)


def share(first, second, cut) -> float:
    """Share of two boxes in common; 0 where they are not the same nucleus."""
    masks = boxes((LEFT, first), (RIGHT, second))
    pairs, shares, _ = find_repeats(masks, np.array(cut), 0.0)
    assert pairs.tolist() in ([], [[0, 1]])
    return shares.sum()


def test_two_whole_ones_by_the_smaller():
    assert share((10, 26, 18, 34), (10, 28, 18, 32), (False, False)) == 1
    assert share((10, 26, 18, 30), (10, 28, 18, 34), (False, False)) == pytest.approx(2 / 4)


def test_a_whole_and_a_cut_one_by_the_cut_one():
    assert share((10, 20, 18, 30), (10, 24, 18, 30), (False, True)) == 1
    assert share((10, 26, 12, 28), (10, 24, 18, 34), (False, True)) == pytest.approx(4 / 80)


def test_two_cut_ones_by_the_larger_within_both_tiles():
    # Columns 20 to 36 and 24 to 50: of both, only 24 to 36 count, where they agree.
    assert share((10, 20, 18, 36), (10, 24, 18, 50), (True, True)) == 1
    assert share((10, 20, 18, 36), (14, 24, 26, 50), (True, True)) == pytest.approx(4 / 12)


def test_two_cut_ones_that_meet_outside_of_the_tiles_common_part():
    assert share((10, 36, 18, 44), (10, 38, 18, 50), (True, True)) == 0


def test_limit_is_exclusive_and_apart_is_never_the_same():
    masks = boxes((LEFT, (10, 26, 18, 30)), (RIGHT, (10, 28, 18, 34)))
    whole = np.zeros(2, bool)
    assert len(find_repeats(masks, whole, 0.5)[0]) == 0
    assert len(find_repeats(masks, whole, 0.49)[0]) == 1
    assert share((10, 26, 18, 30), (10, 30, 18, 34), (False, False)) == 0


def test_pixels_count_and_not_bounds():
    masks = boxes((LEFT, (10, 26, 18, 34)), (RIGHT, (10, 26, 18, 34)))
    triangle = np.tri(8, dtype=bool)
    masks.pixels[0], masks.pixels[1] = triangle, ~triangle
    assert len(find_repeats(masks, np.zeros(2, bool), 0.0)[0]) == 0


def test_two_cut_ones_of_one_tile_by_the_smaller():
    masks = boxes((LEFT, (10, 20, 18, 36)), (LEFT, (10, 30, 18, 36)))
    pairs, shares, _ = find_repeats(masks, np.ones(2, bool), 0.5)
    assert pairs.tolist() == [[0, 1]]
    assert shares.tolist() == [1]


def merged(*found) -> list[int]:
    """Which of the boxes, all whole, are several others taken for one."""
    masks = boxes(*((LEFT, box) for box in found))
    return np.flatnonzero(find_repeats(masks, np.zeros(len(found), bool), 0.5)[2]).tolist()


def test_a_mask_over_two_others_is_several_taken_for_one():
    both, one, two = (10, 10, 20, 30), (10, 10, 20, 20), (10, 20, 20, 30)
    assert merged(both, one, two) == [0]
    assert merged(one, two, both) == [2]
    assert merged(both, one) == []


def test_a_mask_found_twice_or_with_specks_in_it_is_not():
    nucleus = (10, 10, 20, 30)
    assert merged(nucleus, nucleus, (10, 10, 20, 29)) == []
    assert merged(nucleus, (12, 12, 15, 15), (12, 20, 15, 23)) == []  # each 4.5 % of it
    assert merged(nucleus, (10, 10, 20, 21), (10, 12, 20, 23)) == []  # one part, twice
    assert merged(nucleus, (10, 10, 20, 15), (10, 25, 20, 30)) == []  # half of it is neither's


@pytest.mark.parametrize("largest", [3, 20, 150])
def test_pairs_are_those_of_comparing_all(largest):
    rng = np.random.default_rng(largest)
    low = rng.integers(0, (120, 300), (150, 2))
    bounds = np.hstack([low, low + rng.integers(1, largest + 1, (150, 2))])
    tiles = [LEFT] * 150
    masks = boxes(*zip(tiles, bounds.tolist(), strict=True))

    def meet(i: int, j: int) -> bool:
        apart = (bounds[i, :2] >= bounds[j, 2:]) | (bounds[j, :2] >= bounds[i, 2:])
        return not apart.any()

    expected = [pair for pair in itertools.combinations(range(150), 2) if meet(*pair)]
    assert expected
    assert sorted(map(tuple, find_pairs(masks).tolist())) == expected
