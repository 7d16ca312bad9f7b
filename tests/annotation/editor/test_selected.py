"""Tools that need no more than the selected nuclei."""

from __future__ import annotations

import numpy as np
import pytest
from reference.edits import TWO, drawn, edit
from scipy import ndimage

from nucseg_tf.annotation.editor.message import EditError


def test_many_nuclei_grow_and_shrink_together():
    many = np.zeros((60, 60), np.int32)
    for index in range(100):
        y, x = 6 * (index // 10), 6 * (index % 10)
        many[y : y + 3, x : x + 3] = index + 1
    everything = list(range(1, 101))
    larger, _ = edit(many, "grow", labels=everything)
    for label in everything:
        cross = ndimage.binary_dilation(many == label)
        assert np.array_equal(larger == label, cross)
    smaller, _ = edit(larger, "shrink", labels=everything)
    for label in everything:
        expected = ndimage.binary_erosion(larger == label, border_value=1)
        assert np.array_equal(smaller == label, expected)


def test_holes_are_filled_but_not_nuclei_in_them():
    labels = drawn("11111 1..21 1.1.1 11111")
    after, _ = edit(labels, "fill", labels=[1])
    assert np.array_equal(after, np.where(labels == 2, 2, 1))
    with pytest.raises(EditError, match="no holes"):
        edit(TWO, "fill", labels=[1])


def test_growing_stops_at_neighbours_and_the_edge():
    after, _ = edit(drawn("..... .12.. ....."), "grow", labels=[1])
    assert np.array_equal(after, drawn(".1... 112.. .1..."))
    after, _ = edit(drawn("1.. ..."), "grow", labels=[1])
    assert np.array_equal(after, drawn("11. 1.."))


def test_shrinking_goes_from_every_boundary_but_the_edge():
    after, _ = edit(drawn("11112 11112 11112"), "shrink", labels=[1])
    assert np.array_equal(after, drawn("111.2 111.2 111.2"))
    with pytest.raises(EditError, match="vanish"):
        edit(TWO, "shrink", labels=[2])


def test_shrinking_a_dumbbell_makes_two():
    labels = drawn("""
        ..............
        .11111..11111.
        .111111111111.
        .111111111111.
        .11111..11111.
        ..............
    """)
    after, _ = edit(labels, "shrink", labels=[1])
    assert sorted(np.unique(after)) == [0, 1, 2]


def test_deleting():
    after, chosen = edit(TWO, "delete", labels=[1, 2])
    assert not after.any()
    assert chosen == []
