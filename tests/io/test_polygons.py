"""Polygons filled."""

from __future__ import annotations

import numpy as np
import pytest

from nucseg_tf.errors import LabelError
from nucseg_tf.io.boxes import slices
from nucseg_tf.io.polygons import MOST_CORNERS, ellipse, polygon_mask, windings


def test_a_polygon_holds_the_pixels_whose_centres_it_holds():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:30, :40] + 0.5
    for _ in range(50):
        points = rng.uniform(-10, 50, (rng.integers(3, 9), 2))
        box, mask = polygon_mask(points, (30, 40))
        covered = np.zeros((30, 40), bool)
        covered[slices(box)] = mask
        inside = np.zeros((30, 40), bool)
        for (y0, x0), (y1, x1) in zip(points, np.roll(points, -1, 0), strict=True):
            passes = (y0 <= y) != (y1 <= y)
            inside ^= passes & (x0 + (y - y0) / (y1 - y0) * (x1 - x0) <= x)
        assert np.array_equal(covered, inside)


def test_windings_are_turns_around_the_centres():
    rng = np.random.default_rng(1)
    for _ in range(20):
        points = rng.uniform(-5, 25, (rng.integers(3, 12), 2))
        box, turns = windings(points, (16, 20))
        for row, column in rng.integers(box[:2], box[2:], (20, 2)):
            down, right = (points - (row + 0.5, column + 0.5)).T
            angles = np.arctan2(down, right)
            steps = (np.roll(angles, -1) - angles + np.pi) % (2 * np.pi) - np.pi
            expected = round(steps.sum() / (2 * np.pi))
            assert turns[row - box[0], column - box[1]] == -expected


def test_an_outline_of_too_many_crossings_is_refused():
    zigzag = np.array([[0 if i % 2 else 10, i / 10] for i in range(100)])
    with pytest.raises(LabelError, match=r"up and down too often.*100 corners"):
        polygon_mask(zigzag, (10, 10), 50)


@pytest.mark.parametrize(("radii", "turn"), [((3, 3), 0), ((12.3, 4.1), 0.7), ((200, 90), -1.2)])
def test_an_ellipse_stays_close_to_its_curve(radii, turn):
    corners = ellipse((50, 60), radii, turn)
    middles = (corners + np.roll(corners, -1, 0)) / 2
    for points, within in ((corners, 1e-9), (middles, 0.011)):
        down, right = (points - [50, 60]).T
        along = right * np.cos(turn) + down * np.sin(turn)
        across = down * np.cos(turn) - right * np.sin(turn)
        off = np.hypot(across / radii[0], along / radii[1]) - 1
        assert np.abs(off).max() * min(radii) <= within
    assert len(ellipse((0, 0), (1e6, 1e6))) <= MOST_CORNERS
