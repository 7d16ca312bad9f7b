"""Divisions among tracks that are drawn by hand, in diameters."""

from __future__ import annotations

import numpy as np
import pytest

from nucseg_tf.inference.link.divisions import OFF, STAY, Chains, find_divisions

FRAMES = 8


def chains(*tracks: tuple[int, list[tuple[float, float]], float]) -> tuple[Chains, dict]:
    """Tracks of (first frame, places, area) as chains; and the index of (track, frame)."""
    nuclei = sorted(
        (first + step, number, place, area)
        for number, (first, places, area) in enumerate(tracks)
        for step, place in enumerate(places)
    )
    index = {(number, frame): i for i, (frame, number, _, _) in enumerate(nuclei)}
    before = [index.get((number, frame - 1), -1) for frame, number, _, _ in nuclei]
    columns = list(zip(*nuclei, strict=True))
    made = Chains(
        np.array(columns[0]),
        np.array(columns[2], float).reshape(-1, 2),
        np.array(columns[3], float),
        np.array(before),
    )
    return made, index


def mother(side: float = -0.45) -> tuple[int, list[tuple[float, float]], float]:
    """Lies at 0 until frame 3, and goes on at one side of it."""
    return 0, [(0, 0)] * 4 + [(0, side)] * (FRAMES - 4), 100.0


def daughter(place=(0, 0.45), first=4, stays=FRAMES - 4, area=100.0):
    return first, [place] * stays, area


def test_two_where_one_was_are_a_division():
    made, index = chains(mother(), daughter())
    divided = find_divisions(made)
    assert np.flatnonzero(divided >= 0).tolist() == [index[1, 4]]
    assert divided[index[1, 4]] == index[0, 3]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(mother(0.0), daughter((0, 0.95)), id="it comes beside one that stays"),
        pytest.param(mother(), daughter(stays=STAY - 1), id="it is gone soon"),
        pytest.param(mother(), daughter(area=260.0), id="it is much larger"),
        pytest.param(mother(), daughter(first=5, stays=3), id="it comes later"),
        pytest.param(mother(-0.9), daughter((0, 0.9)), id="they are far apart"),
        pytest.param(mother(), daughter(first=0, stays=8), id="it was there before"),
    ],
)
def test_others_are_none(one, other):
    made, _ = chains(one, other)
    assert (find_divisions(made) == -1).all()


def test_the_end_of_the_movie_ends_no_track():
    late = (0, [(0.0, 0.0)] * 7 + [(0.0, -0.45)], 100.0)
    made, index = chains(late, daughter(first=7, stays=1))
    assert find_divisions(made)[index[1, 7]] == index[0, 6]


def test_a_nucleus_divides_in_two_alone():
    worse = daughter((0.0, 0.45 + OFF))
    made, index = chains(mother(), worse, daughter())
    divided = find_divisions(made)
    assert np.flatnonzero(divided >= 0).tolist() == [index[2, 4]]


def test_gaps_are_no_divisions():
    """The frame before lacks the nucleus, so nobody saw it divide."""
    made, index = chains(mother(), daughter())
    before = made.before.copy()
    before[index[0, 4]] = index[0, 2]
    assert (find_divisions(Chains(made.frame, made.place, made.area, before)) == -1).all()


def test_nothing_divides_in_nothing():
    none = np.empty(0, np.int64)
    assert find_divisions(Chains(none, np.empty((0, 2)), np.empty(0), none)).tolist() == []
