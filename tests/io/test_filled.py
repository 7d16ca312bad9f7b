"""Outlines filled, and labels painted of them."""

from __future__ import annotations

from itertools import repeat

import numpy as np
import pytest

from nucseg_tf.errors import LabelError
from nucseg_tf.io.boxes import slices
from nucseg_tf.io.filled import fill, paint

SHAPE = (12, 16)


def square(top, left, side):
    ends = [(0, 0), (0, side), (side, side), (side, 0)]
    return np.array([(top + down, left + right) for down, right in ends], float)


def filled(rings, **options):
    box, mask = fill("it", rings, SHAPE, **options)
    whole = np.zeros(SHAPE, int)
    whole[slices(box)] = mask
    return whole


@pytest.mark.parametrize("inner", [square(3, 4, 4), square(3, 4, 4)[::-1]])
@pytest.mark.parametrize("nonzero", [False, True])
def test_a_ring_in_a_ring_is_a_hole_but_where_it_goes_the_same_way(inner, nonzero):
    same_way = np.array_equal(inner, square(3, 4, 4))
    expected = np.zeros(SHAPE, int)
    expected[1:11, 2:12] = 1
    expected[3:7, 4:8] = nonzero and same_way
    np.testing.assert_array_equal(filled([square(1, 2, 10), inner], nonzero=nonzero), expected)


def test_rings_over_the_edge_and_beyond_it():
    rings = [square(-3, -3, 5), square(20, 30, 2), square(10, 14, 6)]
    expected = np.zeros(SHAPE, int)
    expected[:2, :2] = expected[10:, 14:] = 1
    np.testing.assert_array_equal(filled(rings, reach=50), expected)
    with pytest.raises(LabelError, match="it lies beyond the image of 12 x 16 px"):
        filled(rings)


def test_the_first_or_the_last_lies_on_top():
    nuclei = [[fill("it", [square(0, left, 4)], SHAPE)] for left in (0, 2)]
    assert paint("it", nuclei, SHAPE)[0, :7].tolist() == [1, 1, 1, 1, 2, 2, 0]
    assert paint("it", nuclei, SHAPE, last_on_top=True)[0, :7].tolist() == [1, 1, 2, 2, 2, 2, 0]


def test_parts_without_end_come_to_one():
    whole = ((0, 0, *SHAPE), np.ones(SHAPE, bool))
    with pytest.raises(LabelError, match="cover the image more than 30 times"):
        paint("it", [repeat(whole)], SHAPE)
