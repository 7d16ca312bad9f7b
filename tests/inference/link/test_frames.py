"""Nuclei through frames: drawn by hand, and in simulated movies."""

from __future__ import annotations

import sys

import bench_link
import numpy as np
import pytest

from nucseg_tf.data.simulate import degrade, find_cell_lines, simulate_movie
from nucseg_tf.errors import UsageError
from nucseg_tf.inference.link import link_frames

AREA = 100 * np.pi  # px, of nuclei with a diameter of 20 px


def link(*frames: list[tuple[float, float]], **options):
    """Rows of (frame, label, track, parent, divides) of centroids, in diameters."""
    centroids = [20 * np.array(frame, float).reshape(-1, 2) for frame in frames]
    areas = [np.full(len(frame), AREA) for frame in frames]
    table = link_frames(centroids, areas, **options)
    assert list(table.columns) == ["frame", "label", "track", "parent", "divides"]
    return list(zip(*(column.tolist() for column in table.columns.values()), strict=True))


def test_nuclei_keep_their_track_whatever_their_label():
    assert link([(0, 0), (3, 3)], [(3, 3.2), (0.1, 0)]) == [
        (0, 1, 1, 0, False),
        (0, 2, 2, 0, False),
        (1, 1, 2, 0, False),
        (1, 2, 1, 0, False),
    ]


def test_rows_and_columns_are_not_exchanged():
    rows = link([(0, 0), (5, 0)], [(5, 0), (0, 5)])
    assert [row[2] for row in rows] == [1, 2, 2, 3]


@pytest.mark.parametrize(("moved", "tracks"), [(0.5, [1, 1]), (0.75, [1, 1]), (0.9, [1, 2])])
def test_a_nucleus_moves_so_far_at_most(moved, tracks):
    assert [row[2] for row in link([(0, 0)], [(0, moved)])] == tracks
    assert [row[2] for row in link([(0, 0)], [(0, moved)], max_distance=2.0)] == [1, 1]
    assert [row[2] for row in link([(0, 0)], [(0, moved)], diameter=40.0)] == [1, 1]


@pytest.mark.parametrize("gap", [0, 1, 2])
@pytest.mark.parametrize("missing", [1, 2, 3])
def test_gaps_are_closed_up_to_their_limit(gap, missing):
    other = (9, 9)  # a movie of a nucleus alone has frames without any
    rows = link([(0, 0), other], *[[other]] * missing, [(0, 0), other], gap=gap)
    assert rows[-2][2] == (1 if missing <= gap else 3)


def test_a_division_ends_a_track_and_begins_two():
    two = [(0, -0.45), (0, 0.45)]
    frames = [[(0, 0)]] * 3 + [two] * 4
    rows = link(*frames)
    assert rows[:3] == [(0, 1, 1, 0, False), (1, 1, 1, 0, False), (2, 1, 1, 0, True)]
    assert rows[3:5] == [(3, 1, 2, 1, False), (3, 2, 3, 1, False)]
    assert [row[2:4] for row in rows[5:]] == [(2, 1), (3, 1)] * 3
    assert {row[3] for row in link(*frames, divisions=False)} == {0}


def test_movies_without_nuclei_or_frames():
    assert link() == link([]) == link([], []) == []
    assert link([], [(0, 0)], []) == [(1, 1, 1, 0, False)]


def test_simulated_movies_are_tracked():
    _, labels, _ = simulate_movie(find_cell_lines("U2OS")[0], 1, 12, shape=(192, 192))
    spoilt, truth = degrade(labels, np.random.default_rng(0), drop=0.03)
    table = link_frames(*zip(*map(bench_link.measure, spoilt), strict=True))
    tracks = np.split(table["track"], np.cumsum([len(numbers) for numbers in truth])[:-1])
    right, found, met, true = bench_link.score_links(truth, tracks)
    assert right / found > 0.95
    assert met / true > 0.95


def test_tracks_of_a_simulated_movie_are_families():
    _, labels, _ = simulate_movie(find_cell_lines("HCT116")[0], 1, 10, shape=(128, 128))
    spoilt, _ = degrade(labels, np.random.default_rng(0))
    table = link_frames(*zip(*map(bench_link.measure, spoilt), strict=True))
    first = {}
    for frame, track, parent in zip(
        *(table[name].tolist() for name in ("frame", "track", "parent")), strict=True
    ):
        assert parent < track
        assert first.setdefault(track, (frame, parent))[1] == parent
    for track in set(table["parent"].tolist()) - {0}:
        mine = table["track"] == track
        assert table["divides"][mine].tolist() == [False] * (mine.sum() - 1) + [True]
        children = [frame for frame, parent in first.values() if parent == track]
        assert children == [table["frame"][mine].max() + 1] * 2


def test_without_the_extra_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "laptrack", None)
    with pytest.raises(UsageError, match=r"pip install 'nucseg-tf\[track\]'"):
        link([(0, 0)], [(0, 0)])


@pytest.mark.parametrize("options", [{"max_distance": 0.0}, {"gap": -1}, {"diameter": 0.0}])
def test_values_out_of_range_are_usage_errors(options):
    with pytest.raises(UsageError, match="expected max_distance and diameter above 0"):
        link([(0, 0)], **options)
