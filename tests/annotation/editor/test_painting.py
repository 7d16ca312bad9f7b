"""Strokes, outlines and clicks on drawn labels."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from reference.edits import TWO, drawn, edit

from nucseg_tf.annotation.editor import painting
from nucseg_tf.annotation.editor.message import EditError
from nucseg_tf.annotation.magic.look import Look


def test_drawing_in_the_background_makes_a_nucleus():
    after, chosen = edit(TWO, "draw", points=[[2.5, 8.5]], size=3)
    assert chosen == [3]
    assert (after == 3).sum() == 9
    assert np.array_equal(after > 3, TWO > 3)


def test_drawing_from_a_nucleus_extends_it_and_spares_others():
    after, chosen = edit(TWO, "draw", points=[[2.5, 3.5], [2.5, 6.5]], size=1)
    assert chosen == [1]
    assert after[2].tolist() == [0, 1, 1, 1, 1, 2, 2, 0, 0, 0]


def test_drawing_does_not_jump_over_a_neighbour():
    after, _ = edit(TWO, "draw", points=[[2.5, 3.5], [2.5, 9.5]], size=1)
    assert after[2].tolist() == [0, 1, 1, 1, 1, 2, 2, 0, 0, 0]


def seen(outline: str, row: int, column: int) -> Look:
    """A model that sees one outline, in light that says nothing."""
    mask = drawn(outline) > 0
    return Look((0, 0, *mask.shape), (row, column), (mask,), np.zeros(mask.shape, np.float32), 4)


SEEN = """
    ..........
    .......11.
    ......111.
    ......111.
    .......11.
"""


def test_a_click_beside_nuclei_makes_one_and_spares_them():
    after, chosen = edit(TWO, "magic", seen(SEEN, 2, 8), points=[[2.5, 8.5]])
    assert chosen == [3]
    assert np.array_equal(after == 3, (drawn(SEEN) > 0) & (TWO == 0))
    assert np.array_equal(after == 2, TWO == 2)


def test_a_click_in_a_nucleus_outlines_it_anew_under_its_label():
    after, chosen = edit(TWO, "magic", seen(SEEN, 2, 6), points=[[2.5, 6.5]])
    assert chosen == [2]
    assert np.array_equal(after == 2, drawn(SEEN) > 0)
    assert np.array_equal(after == 1, TWO == 1)


def test_a_click_on_nothing_is_refused():
    dark = Look((0, 0, *TWO.shape), (0, 9), (), np.zeros(TWO.shape, np.float32), 4)
    with pytest.raises(EditError, match="no nucleus is seen there"):
        edit(TWO, "magic", dark, points=[[0.5, 9.5]])
    with pytest.raises(EditError, match="click again"):
        edit(TWO, "magic", points=[[0.5, 9.5]])
    with pytest.raises(EditError, match="is what is seen"):
        edit(drawn(SEEN), "magic", seen(SEEN, 2, 7), points=[[2.5, 7.5]])
    with pytest.raises(ValidationError, match="magic needs 1 points"):
        edit(TWO, "magic")


def test_drawing_beside_the_selected_nucleus_extends_it():
    after, chosen = edit(TWO, "draw", points=[[2.5, 8.1]], size=3, labels=[2])
    assert chosen == [2]
    assert (after == 2).sum() == 6 + 9


def test_drawing_extends_the_nucleus_begun_in_not_the_selected_one():
    after, chosen = edit(TWO, "draw", points=[[2.5, 5.5], [2.5, 8.5]], size=7, labels=[1])
    assert chosen == [2]
    assert np.array_equal(after == 1, TWO == 1)


@pytest.mark.parametrize(("column", "chosen"), [(8.5, 2), (9.5, 3)])
def test_beside_the_selected_nucleus_is_two_pixels_away_whatever_the_brush(column, chosen):
    two = np.pad(TWO, ((0, 0), (0, 10)))  # nucleus 2 ends with column 6
    assert edit(two, "draw", points=[[2.5, column]], size=9, labels=[2])[1] == [chosen]


def test_an_outline_of_too_many_crossings_is_refused(monkeypatch):
    monkeypatch.setattr(painting, "MAX_CROSSINGS", 50)
    zigzag = [[0 if i % 2 else 10, i / 10] for i in range(100)]
    with pytest.raises(EditError, match="up and down too often"):
        edit(np.zeros((10, 10), np.int32), "polygon", points=zigzag)


def test_drawing_over_a_neighbour_cuts_it_and_drops_crumbs():
    after, _ = edit(TWO, "draw", points=[[2.5, 8.5], [2.5, 0.5]], size=1, over=True)
    assert after[2].tolist() == [3] * 9 + [0]
    # of nucleus 1 two rows of three are left, of nucleus 2 two of two: less than four pixels each
    assert (after == 1).sum() == 3
    assert (after == 2).sum() == 2
    assert sorted(np.unique(after)) == [0, 1, 2, 3]


def test_a_polygon_makes_a_nucleus():
    after, chosen = edit(TWO, "polygon", points=[[0, 7], [0, 10], [5, 10], [5, 7]])
    assert chosen == [3]
    assert np.array_equal(after == 3, np.pad(np.ones((5, 3), bool), ((0, 0), (7, 0))))


def test_an_outline_that_crosses_itself_has_no_hole():
    twice = [[1, 1], [1, 8], [8, 8], [8, 1]] * 2
    with pytest.raises(EditError, match="too small"):
        edit(np.zeros((10, 10), np.int32), "polygon", points=twice)
    loop = [[1, 1], [1, 8], [8, 8], [8, 1], [1, 1], [3, 3], [3, 5], [5, 5], [5, 3], [3, 3]]
    after, _ = edit(np.zeros((10, 10), np.int32), "polygon", points=loop)
    assert after[4, 4] == 1


def test_erasing_spares_what_the_stroke_did_not_begin_in():
    after, _ = edit(TWO, "erase", points=[[2.5, 3.5], [2.5, 6.5]], size=1)
    assert after[2].tolist() == [0, 1, 1, 0, 0, 2, 2, 0, 0, 0]
    after, _ = edit(TWO, "erase", points=[[2.5, 4.5], [2.5, 6.5]], size=1)
    assert after[2].tolist() == [0, 1, 1, 1, 0, 0, 0, 0, 0, 0]


def test_erasing_across_a_nucleus_makes_two():
    labels = np.zeros((9, 20), np.int32)
    labels[2:7, 2:18] = 4
    after, chosen = edit(labels, "erase", points=[[0.5, 7.5], [8.5, 7.5]], size=1, labels=[4])
    assert chosen == [4]
    assert (after[2:7, 8:18] == 4).all(), "the larger piece keeps its label"
    assert (after[2:7, 2:7] == 5).all()
    assert not after[:, 7].any()
