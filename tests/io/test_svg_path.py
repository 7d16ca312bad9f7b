"""Paths of SVG as curves and polygons."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from nucseg_tf.io import svg_path
from nucseg_tf.io.svg_path import curves_of, flatten


def corners(text):
    """Corners of the one subpath of straight lines."""
    (curves,) = curves_of(text)
    return flatten(curves).tolist()


@pytest.mark.parametrize(
    "text",
    [
        "M1,2L5,2L5,4L1,2z",
        "M 1 2 5 2 5 4 1 2",
        "m1 2 4 0 0 2 -4-2z",
        "M1,2H5V4L1 2Z",
        "m1,2h4v2l-4,-2",
        "\n M +1.0 2.e0,\tL5,2 .5e1 4 1,2 ",
    ],
)
def test_straight_lines_in_all_ways_to_write_them(text):
    np.testing.assert_allclose(corners(text), [[1, 2], [5, 2], [5, 4], [1, 2]], atol=1e-12)


def test_numbers_need_nothing_between_them():
    np.testing.assert_allclose(corners("M.5.5-1-2L3e1.5"), [[0.5, 0.5], [-1, -2], [30, 0.5]])


def test_subpaths_begin_where_they_say():
    first, second, third = curves_of("M1 1h2v2zh5v5zm9 9l1 1")
    assert first[0, 0].tolist() == second[0, 0].tolist() == [1, 1]
    assert third[0, 0].tolist() == [10, 10]


def bezier(points, t):
    """By de Casteljau."""
    points = [np.array(point, float) for point in points]
    while len(points) > 1:
        points = [a + t * (b - a) for a, b in pairwise(points)]
    return points[0]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("M0 0C10 30 40-20 50 9", [[(0, 0), (10, 30), (40, -20), (50, 9)]]),
        ("m0 0c10 30 40-20 50 9", [[(0, 0), (10, 30), (40, -20), (50, 9)]]),
        (
            "M0 0C0 30 40 10 50 0S90 30 99 5",
            [[(0, 0), (0, 30), (40, 10), (50, 0)], [(50, 0), (60, -10), (90, 30), (99, 5)]],
        ),
        ("M5 5s10 30 20 0", [[(5, 5), (5, 5), (15, 35), (25, 5)]]),
        ("M0 0Q30 60 60 0", [[(0, 0), (30, 60), (60, 0)]]),
        (
            "M0 0q30 60 60 0t60 0",
            [[(0, 0), (30, 60), (60, 0)], [(60, 0), (90, -60), (120, 0)]],
        ),
        ("M0 0T60 0", [[(0, 0), (0, 0), (60, 0)]]),
        ("M0 0Q30 60 60 0M9 9T60 0", [[(9, 9), (9, 9), (60, 0)]]),
    ],
)
def test_curves_are_flattened_finely(text, pieces):
    found = flatten([*curves_of(text)][-1])
    dense = np.array([bezier(piece, t) for piece in pieces for t in np.linspace(0, 1, 2000)])
    a, b = found[:-1, np.newaxis], found[1:, np.newaxis]
    along = ((dense - a) * (b - a)).sum(-1) / ((b - a) ** 2).sum(-1).clip(1e-12)
    nearest = a + along.clip(0, 1)[..., np.newaxis] * (b - a)
    assert np.sqrt(((dense - nearest) ** 2).sum(-1)).min(0).max() < 0.02
    assert len(found) < 500
    np.testing.assert_allclose(found[[0, -1]], [pieces[0][0], pieces[-1][-1]], atol=1e-9)


@pytest.mark.parametrize(("large", "sweep"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_arcs_run_along_their_ellipse_to_the_side_they_say(large, sweep):
    """From (30, 10) to (10, 20) on ellipses of radii 15 and 20, the first axis turned by 30."""
    curves = next(curves_of(f"M30 10A15 20 30 {large} {sweep} 10 20"))
    found = flatten(curves)
    np.testing.assert_allclose(found[[0, -1]], [[30, 10], [10, 20]], atol=1e-9)
    turn = math.radians(30)
    back = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    unit = found @ back.T / [15, 20]
    # The middle of a circle through three points of it.
    a, b, c = unit[0], unit[len(unit) // 2], unit[-1]
    centre = np.linalg.solve(2 * np.array([b - a, c - a]), [b @ b - a @ a, c @ c - a @ a])
    np.testing.assert_allclose(np.hypot(*(unit - centre).T), 1, atol=1e-3)
    steps = np.unwrap(np.arctan2(*(unit - centre).T[::-1]))
    turned = steps[-1] - steps[0]
    assert (turned > 0) == bool(sweep)  # clockwise on the screen, where y grows downwards
    assert (abs(turned) > math.pi) == bool(large)


def test_two_arcs_are_a_circle():
    found = flatten(next(curves_of("M0 10a10 10 0 1120 0a10 10 0 11-20 0z")))
    np.testing.assert_allclose(np.hypot(*(found - [10, 10]).T), 10, atol=0.01)


def test_radii_that_are_too_small_grow():
    found = flatten(next(curves_of("M0 0A1 1 0 0 1 20 0")))
    np.testing.assert_allclose(np.hypot(*(found - [10, 0]).T), 10, atol=0.01)
    assert corners("M0 0A0 1 0 0 1 20 0") == [[0, 0], [20, 0]]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("L1 1", "it begins with L, not with M"),
        ("z", "it begins with z"),
        ("1 2", "no command"),
        ("M1", "numbers are missing after M"),
        ("M1 1L2", "numbers are missing after L"),
        ("M1 1 2", "numbers are missing after L"),
        ("M1 1C1 1 2 2 3", "numbers are missing after C"),
        ("M1 1A1 1 0 2 0 5 5", "numbers are missing after A"),
        ("M1 1X5", "no command"),
        ("M1 1L5 5 what", "no command"),
        ("M1e400 1L5 5", "beyond all bounds"),
        ("M1 1L5 1e300", "beyond all bounds"),
    ],
)
def test_what_is_no_path_is_told(text, told):
    with pytest.raises(ValueError, match=told):
        list(curves_of(text))


@pytest.mark.parametrize("text", ["", " ", "M1 1", "M1 1z"])
def test_where_nothing_is_drawn_there_is_nothing(text):
    assert list(curves_of(text)) == []


def test_what_would_fill_the_memory_is_refused(monkeypatch):
    monkeypatch.setattr(svg_path, "MOST_CORNERS", 100)
    assert sum(len(flatten(curves)) for curves in curves_of("M0 0" + "h1v1h-1z" * 100)) == 400
    with pytest.raises(ValueError, match="more than 100 curves in one piece"):
        list(curves_of("M0 0" + "h1" * 101))
    with pytest.raises(ValueError, match="need more than 100 corners"):
        flatten(next(curves_of("M0 0C999999 0 0 999999 0 0")))
