"""Nuclei that are cut in two, and joined."""

from __future__ import annotations

import numpy as np
import pytest
from reference.edits import TWO, drawn, edit

from nucseg_tf.annotation.editor.cutting import MAX_GAP
from nucseg_tf.annotation.editor.message import EditError
from nucseg_tf.imaging.components import components


@pytest.mark.parametrize("lacks", [0, 1, 3])
def test_a_line_that_begins_and_ends_a_little_inside_splits(lacks):
    before = np.zeros((30, 30), np.int32)
    before[5:25, 5:25] = 1
    along = np.arange(5 + lacks, 25 - lacks) + 0.5
    points = [[row, 14.5 + 2 * np.sin(row / 3)] for row in along]  # drawn by hand
    after, chosen = edit(before, "split", points=points)
    assert chosen == [1, 2]
    assert np.array_equal(after > 0, before > 0)
    assert 0.6 < (after == 2).sum() / (after == 1).sum() <= 1


def test_a_line_that_ends_in_the_middle_splits_nothing():
    before = np.zeros((30, 30), np.int32)
    before[5:25, 5:25] = 1
    with pytest.raises(EditError, match="does not cut"):
        edit(before, "split", points=[[2.5, 14.5], [17.5, 14.5]])
    with pytest.raises(EditError, match="does not cut"):
        edit(before, "split", points=[[14.5, 14.5], [14.5, 14.5]])


def test_a_split_leaves_no_gap():
    labels = np.zeros((9, 20), np.int32)
    labels[2:7, 2:18] = 4
    after, chosen = edit(labels, "split", points=[[0.5, 5.5], [8.5, 9.5]])
    assert chosen == [4, 5]
    assert np.array_equal(after > 0, labels > 0)
    assert after[4, 3] == 5
    assert after[4, 16] == 4
    for label in chosen:
        assert components(after == label, connectivity=8)[1] == 1


def test_a_split_prefers_the_selected_nucleus():
    labels = np.zeros((20, 20), np.int32)
    labels[2:8, 5:15], labels[10:18, 5:15] = 1, 2
    line = [[0, 10], [19, 10]]
    after, chosen = edit(labels, "split", points=line, labels=[2])
    assert chosen == [2, 3]
    assert (after[2:8, 5:15] == 1).all()
    assert edit(labels, "split", points=line)[1] == [1, 3, 2, 4]


@pytest.mark.parametrize("points", [[[0, 0], [0, 9]], [[2.5, 0], [2.5, 2]], [[-50, -50], [-9, -9]]])
def test_a_line_that_cuts_nothing_is_refused(points):
    with pytest.raises(EditError, match="does not cut"):
        edit(TWO, "split", points=points)


def test_merging_bridges_a_gap():
    after, chosen = edit(TWO, "merge", labels=[2, 1])
    assert chosen == [2]
    assert sorted(np.unique(after)) == [0, 2]
    assert components(after == 2, connectivity=8)[1] == 1
    assert (after[TWO > 0] == 2).all()


def test_merging_what_is_far_apart_is_refused():
    labels = np.zeros((9, 40), np.int32)
    labels[3:6, 2:8], labels[3:6, 9 + 2 * MAX_GAP : 30] = 1, 2
    with pytest.raises(EditError, match="px apart"):
        edit(labels, "merge", labels=[1, 2])


def test_a_bridge_does_not_take_a_third_nucleus():
    labels = drawn("11.3.22 11.3.22 11.3.22")
    with pytest.raises(EditError, match="px apart"):
        edit(labels, "merge", labels=[1, 2])
