"""What each tool does to drawn labels, and that labels stay whole."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import ndimage

from nucseg_tf.annotation.editor import tools
from nucseg_tf.annotation.editor.message import EditError, Message
from nucseg_tf.annotation.editor.patches import LabelMap
from nucseg_tf.annotation.editor.shapes import stroke_mask
from nucseg_tf.annotation.editor.tools import MAX_GAP, make_patch
from nucseg_tf.annotation.magic.look import Look
from nucseg_tf.imaging.components import components
from nucseg_tf.io.boxes import slices


def drawn(text: str) -> np.ndarray:
    """Labels from lines of digits, "." for background."""
    rows = [list(line.strip().replace(".", "0")) for line in text.split()]
    return np.array(rows, np.int32)


def edit(
    before: np.ndarray, tool: str, look: Look | None = None, **options
) -> tuple[np.ndarray, list[int]]:
    """The labels after an edit, and those that it selects."""
    whole = LabelMap(before)
    patch, chosen = make_patch(whole, Message(id="x" * 8, revision=0, tool=tool, **options), look)
    assert np.array_equal(whole.pixels, before), "only the session changes labels"
    whole.apply(patch.box, patch.after)
    return whole.pixels, chosen


TWO = drawn("""
    ..........
    .111.22...
    .111.22...
    .111.22...
    ..........
""")


# --- shapes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 3, 5, 9])
@pytest.mark.parametrize("row", [-3, 0, 10.5, 19.9, 23])
def test_a_stroke_is_what_a_disk_covers_on_its_way(size, row):
    points = np.array([[row, 4.2], [row, 11.7]])
    box, mask = stroke_mask(points, size, (20, 16))
    covered = np.zeros((20, 16), bool)
    covered[slices(box)] = mask
    y, x = np.mgrid[:20, :16]
    away = np.hypot(y - np.floor(row), np.clip(x, 4, 11) - x)
    assert np.array_equal(covered, away < size / 2)


# --- tools -----------------------------------------------------------------------------------


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
    monkeypatch.setattr(tools, "MAX_CROSSINGS", 50)
    zigzag = [[0 if i % 2 else 10, i / 10] for i in range(100)]
    with pytest.raises(EditError, match="up and down too often"):
        edit(np.zeros((10, 10), np.int32), "polygon", points=zigzag)


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


@pytest.mark.parametrize("tool", ["delete", "grow", "merge"])
def test_nuclei_that_are_gone_are_named(tool):
    with pytest.raises(EditError, match=r"is gone. Received: \[8, 9\]"):
        edit(TWO, tool, labels=[8, 9])


@pytest.mark.parametrize("tool", ["draw", "erase", "polygon"])
def test_nothing_happens_outside_the_field(tool):
    points = [[-40, -40], [-40, -30], [-30, -30]]
    with pytest.raises(EditError):
        edit(TWO, tool, points=points, size=5)


def test_every_edit_leaves_whole_labels():
    rng = np.random.default_rng(5)
    whole = LabelMap(np.zeros((40, 50), np.int32))
    made = 0
    for _ in range(400):
        tool = str(rng.choice(["draw", "erase", "polygon", "split", "grow", "shrink", "fill"]))
        points = rng.uniform(-5, 55, (5, 2)).round(2).tolist()
        known = list(whole.nuclei)
        options = {"points": points, "size": int(rng.integers(1, 9)), "over": bool(made % 2)}
        options |= {"labels": [int(rng.choice(known))]} if known else {"labels": [1]}
        try:
            message = Message(id="x" * 8, revision=0, tool=tool, **options)
            patch = make_patch(whole, message)[0]
        except EditError:
            continue
        made += 1
        whole.apply(patch.box, patch.after)
        for label in patch.touched():
            assert components(whole.pixels == label, connectivity=8)[1] <= 1
        assert np.array_equal(whole.pixels[slices(patch.box)], patch.after)
    assert made > 150


# --- messages --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"tool": "explode"}, "tool"),
        ({"points": [[1, 2]] * 20_001}, "points"),
        ({"points": [[1, 2, 3]]}, "points"),
        ({"points": [[float("nan"), 2]]}, "points"),
        ({"points": [[1e9, 2]]}, "points"),
        ({"points": []}, "draw needs 1 points"),
        ({"size": 202}, "size"),
        ({"size": "9"}, "size"),
        ({"labels": [-1]}, "labels"),
        ({"revision": -1}, "revision"),
        ({"id": "../../x"}, "id"),
        ({"path": "/etc/passwd"}, "path"),
    ],
)
def test_messages_that_make_no_sense_are_refused(change, problem):
    good = {"id": "x" * 8, "revision": 0, "tool": "draw", "points": [[1, 2]]}
    Message(**good)
    with pytest.raises(ValidationError, match=problem):
        Message(**good | change)
