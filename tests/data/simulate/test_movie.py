"""Simulated movies: what is promised of their labels, lineage and images."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from nucseg_tf.data.simulate import CELL_LINES, find_cell_lines, simulate_movie

FRAMES, SHAPE = 16, (96, 128)
HCT116 = find_cell_lines("HCT116")[0]


@pytest.fixture(scope="module")
def drawn():
    return simulate_movie(HCT116, 1, FRAMES, seed=3, shape=SHAPE)


def test_shapes_and_types(drawn):
    images, labels, tracks = drawn
    assert images.shape == labels.shape == (FRAMES, *SHAPE)
    assert images.dtype == np.uint16
    assert labels.dtype == np.int32
    assert list(tracks.columns) == ["frame", "label", "track", "parent"]


def test_the_table_has_what_is_seen(drawn):
    _, labels, tracks = drawn
    rows = set(zip(tracks["frame"].tolist(), tracks["label"].tolist(), strict=True))
    seen = {
        (frame, int(number))
        for frame, plane in enumerate(labels)
        for number in np.unique(plane[plane > 0])
    }
    assert rows == seen
    assert len(rows) == len(tracks)
    assert np.array_equal(tracks["label"], tracks["track"])
    assert set(tracks["track"]) == set(range(1, labels.max() + 1))


def test_nuclei_are_in_one_piece_and_stay_until_they_leave(drawn):
    _, labels, _ = drawn
    for number in range(1, labels.max() + 1):
        frames = np.flatnonzero((labels == number).any(axis=(1, 2)))
        assert np.diff(frames).max(initial=1) == 1
        for frame in frames:
            assert ndimage.label(labels[frame] == number)[1] == 1


def test_parents_divide_in_the_frame_before():
    """Whoever comes into sight later has no parent: of some of these, it divided out of sight."""
    _, _, tracks = simulate_movie(HCT116, 3, 40, shape=(64, 64))
    families: dict[int, set[int]] = {}
    for track in set(tracks["track"].tolist()):
        mine = tracks["track"] == track
        (parent,) = set(tracks["parent"][mine].tolist())
        if parent:
            families.setdefault(parent, set()).add(track)
            last = tracks["frame"][tracks["track"] == parent].max()
            assert tracks["frame"][mine].min() == last + 1
    assert families
    assert {len(children) for children in families.values()} <= {1, 2}
    assert 2 in {len(children) for children in families.values()}


def test_nuclei_move_come_and_go(drawn):
    _, labels, tracks = drawn
    orphans = tracks["parent"] == 0
    assert (tracks["frame"][orphans] > 0).any()
    assert set(np.unique(labels[0])) - set(np.unique(labels[-1]))
    numbers = sorted(set(np.unique(labels[0])) & set(np.unique(labels[1])) - {0})
    one, other = (
        np.array(ndimage.center_of_mass(plane > 0, plane, numbers)) for plane in labels[:2]
    )
    moved = np.median(np.linalg.norm(one - other, axis=1))
    assert 0.5 < moved < 10


def test_images_are_bright_where_nuclei_are(drawn):
    images, labels, _ = drawn
    inside = ndimage.binary_erosion(labels > 0, np.ones((1, 3, 3)))
    outside = ~ndimage.binary_dilation(labels > 0, np.ones((1, 9, 9)))
    assert images[inside].mean() > 3 * (images[outside].mean() - 200) + 200


def test_the_same_arguments_give_the_same_movie(drawn):
    images, labels, _ = simulate_movie(HCT116, 1, FRAMES, seed=3, shape=SHAPE)
    assert np.array_equal(images, drawn[0])
    assert np.array_equal(labels, drawn[1])


@pytest.mark.parametrize("line", CELL_LINES, ids=lambda line: line.name)
def test_all_lines_can_be_drawn(line):
    _, labels, _ = simulate_movie(line, 1, 2, shape=(128, 128))
    assert labels.any(axis=(1, 2)).all()
