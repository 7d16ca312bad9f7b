"""Regions back to whole fields: edits as annotators make them, and what contradicts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from reference.awkward import awkward, many
from reference.drawn import random_labels

from nucseg_tf.annotation.exchange.drawn import Drawn, tight
from nucseg_tf.annotation.exchange.merge import Merged, merge
from nucseg_tf.annotation.exchange.regions import Region, cut, shown
from nucseg_tf.errors import LabelError

WEST, EAST = "west", "east"


def two_regions() -> tuple[np.ndarray, dict[str, Region]]:
    """(20, 40): nuclei 1 and 2 in the west, 3 and 4 in the east; the cells meet at column 20."""
    labels = np.zeros((20, 40), np.int32)
    labels[2:8, 2:8] = 1
    labels[10:16, 8:18] = 2
    labels[10:16, 19:29] = 3
    labels[2:8, 32:38] = 4
    west, east = cut(labels, nuclei=2, margin=6)
    assert (west.nuclei, east.nuclei) == ((1, 2), (3, 4))
    assert west.cell[3] == east.cell[1] == 18
    return labels, {WEST: west, EAST: east}


def drawings(labels: np.ndarray, regions: dict[str, Region]) -> dict[str, list[Drawn]]:
    return {name: shown(labels, region) for name, region in regions.items()}


def draw(region: Region, rows: slice, columns: slice, label: int | None = None) -> Drawn:
    """A rectangle in the coordinates of the field, as drawn on a region."""
    height, width = rows.stop - rows.start, columns.stop - columns.start
    top, left = rows.start - region.box[0], columns.start - region.box[1]
    return Drawn(top, left, np.ones((height, width), bool), label)


def edited(change: Callable[[dict[str, list[Drawn]], dict[str, Region]], None]) -> Merged:
    """The two regions after a change of what is drawn."""
    labels, regions = two_regions()
    drawn = drawings(labels, regions)
    change(drawn, regions)
    return merge(labels, regions, drawn)


def own(drawn: list[Drawn], label: int) -> int:
    return next(i for i, n in enumerate(drawn) if n.label == label and not n.neighbour)


def rows(merged: Merged) -> list[tuple]:
    return [
        (c.regions, tuple(c.labels()), c.pixels, c.problem.split(" 1")[0]) for c in merged.conflicts
    ]


# --- without conflicts -----------------------------------------------------------------------


@pytest.mark.parametrize("tags", [True, False])
@pytest.mark.parametrize("nuclei", [0, 1, 4, 50])
@pytest.mark.parametrize(
    "labels", [awkward(), many(230), np.zeros((5, 6), np.int32), random_labels(5, (60, 90))]
)
def test_untouched_regions_give_the_same_field(labels, nuclei, tags):
    regions = {str(n): region for n, region in enumerate(cut(labels, nuclei, margin=3))}
    drawn = drawings(labels, regions)
    if not tags:  # a tool that loses them
        drawn = {k: [replace(n, label=None) for n in v] for k, v in drawn.items()}
    merged = merge(labels, regions, drawn)
    assert np.array_equal(merged.labels, labels)
    assert merged.labels.dtype == np.int32
    assert merged.conflicts == []
    assert merged.counts == {"same": len(np.unique(labels[labels > 0]))} or not labels.any()


def test_a_deleted_nucleus_is_gone():
    merged = edited(lambda drawn, _: drawn[WEST].pop(own(drawn[WEST], 1)))
    expected = two_regions()[0]
    expected[expected == 1] = 0
    assert np.array_equal(merged.labels, expected)
    assert (merged.counts["deleted"], merged.counts["same"]) == (1, 3)


def test_a_new_nucleus_is_numbered_after_the_others():
    def change(drawn, regions):
        drawn[EAST].append(draw(regions[EAST], slice(17, 19), slice(30, 34)))
        drawn[WEST].append(draw(regions[WEST], slice(17, 19), slice(1, 4)))
        drawn[EAST].pop(own(drawn[EAST], 4))  # its number is not given away

    merged = edited(change)
    assert (merged.labels[17:19, 1:4] == 5).all()
    assert (merged.labels[17:19, 30:34] == 6).all()
    assert merged.counts == {"same": 3, "new": 2, "deleted": 1}
    assert merged.conflicts == []


@pytest.mark.parametrize("tags", [True, False])
def test_an_edited_nucleus_keeps_its_label(tags):
    def change(drawn, regions):
        new = draw(regions[WEST], slice(2, 9), slice(1, 8), 1 if tags else None)
        drawn[WEST][own(drawn[WEST], 1)] = new

    merged = edited(change)
    assert (merged.labels[2:9, 1:8] == 1).all()
    assert merged.counts == {"same": 3, "edited": 1}


def test_a_nucleus_drawn_beside_a_deleted_one_is_new():
    def change(drawn, regions):
        drawn[WEST][own(drawn[WEST], 1)] = draw(regions[WEST], slice(5, 11), slice(1, 7))

    merged = edited(change)
    assert (merged.labels[5:10, 1:7] == 5).all()
    assert merged.counts == {"same": 3, "new": 1, "deleted": 1}


def test_a_split_nucleus_keeps_its_label_for_the_part_that_carries_it():
    def change(drawn, regions):
        drawn[WEST][own(drawn[WEST], 2)] = draw(regions[WEST], slice(10, 16), slice(8, 12), 2)
        drawn[WEST].append(draw(regions[WEST], slice(10, 16), slice(12, 18)))

    merged = edited(change)
    assert (merged.labels[10:16, 8:12] == 2).all()
    assert (merged.labels[10:16, 12:18] == 5).all()
    assert merged.conflicts == []


def test_a_copied_label_stays_with_the_larger_part():
    def change(drawn, regions):
        drawn[WEST][own(drawn[WEST], 2)] = draw(regions[WEST], slice(10, 16), slice(8, 12), 2)
        drawn[WEST].append(draw(regions[WEST], slice(10, 16), slice(12, 18), 2))

    merged = edited(change)
    assert (merged.labels[10:16, 12:18] == 2).all()
    assert (merged.labels[10:16, 8:12] == 5).all()
    assert rows(merged) == [((WEST,), ("2", "5"), 24, "two nuclei carry the label 2")]


def test_a_nucleus_that_reaches_over_the_border_is_whole():
    def change(drawn, regions):
        drawn[WEST].append(draw(regions[WEST], slice(17, 19), slice(14, 24)))

    merged = edited(change)
    assert (merged.labels[17:19, 14:24] == 5).all()
    assert merged.conflicts == []


# --- conflicts -------------------------------------------------------------------------------


def test_a_neighbour_drawn_anew_is_left_out():
    def change(drawn, regions):
        drawn[WEST].append(draw(regions[WEST], slice(9, 17), slice(19, 24)))

    merged = edited(change)
    assert np.array_equal(merged.labels, two_regions()[0])
    assert rows(merged) == [((WEST, EAST), ("new", "3"), 30, "drawn twice")]


def test_a_nucleus_drawn_new_in_two_regions_is_one():
    def change(drawn, regions):
        drawn[WEST].append(draw(regions[WEST], slice(16, 20), slice(14, 20)))
        drawn[EAST].append(draw(regions[EAST], slice(17, 20), slice(13, 21)))

    merged = edited(change)
    expected = two_regions()[0]
    expected[16:20, 14:20] = 5  # more of it lies in the cell of the west
    assert np.array_equal(merged.labels, expected)
    assert rows(merged) == [((WEST, EAST), ("5", "new"), 18, "drawn twice")]


def test_both_regions_claim_pixels_of_edited_nuclei():
    def change(drawn, regions):
        drawn[WEST][own(drawn[WEST], 2)] = draw(regions[WEST], slice(10, 16), slice(8, 21), 2)
        drawn[EAST][own(drawn[EAST], 3)] = draw(regions[EAST], slice(10, 16), slice(17, 29), 3)

    merged = edited(change)
    # Column 17 was of 2, columns 19 and 20 were of 3, column 18 lies in the cell of the east.
    assert np.array_equal(merged.labels[10, 8:29], [2] * 10 + [3] * 11)
    assert rows(merged) == [((WEST, EAST), ("2", "3"), 24, "claimed by two regions")]
    assert merged.conflicts[0].decision == "6 to that of west, 18 to that of east"


def test_an_edited_nucleus_over_one_of_another_region_does_not_take_it():
    def change(drawn, regions):
        drawn[WEST][own(drawn[WEST], 2)] = draw(regions[WEST], slice(10, 16), slice(8, 24), 2)

    merged = edited(change)
    assert np.array_equal(merged.labels[10, 8:29], [2] * 11 + [3] * 10)
    assert rows(merged) == [((WEST, EAST), ("2", "3"), 30, "claimed by two regions")]


@pytest.mark.parametrize("grown", [1, 2])
@pytest.mark.parametrize("turned", [False, True])
def test_a_nucleus_keeps_its_pixels_in_the_cell_of_another_region(grown, turned):
    """1 and 2 touch in the cell of one of them, and one of the two is drawn over the other."""
    labels = np.zeros((9, 40), np.int32)
    labels[2:7, 2:12] = 1
    labels[2:7, 12:40] = 2  # reaches into the cell of the west
    whole = (0, 0, 9, 40)
    regions = {WEST: Region(whole, (0, 0, 9, 20), (1,)), EAST: Region(whole, (0, 20, 9, 40), (2,))}
    if turned:
        labels = np.where(labels > 0, 3 - labels, 0)[:, ::-1].astype(np.int32)
    drawn = {
        name: [n for n in shown(labels, region) if not n.neighbour]
        for name, region in regions.items()
    }
    name = WEST if grown == 1 else EAST
    drawn[name] = [draw(regions[name], slice(0, 9), slice(0, 40), grown)]
    merged = merge(labels, regions, drawn)
    assert np.array_equal(merged.labels, np.where(labels > 0, labels, grown))


def test_in_one_region_the_later_nucleus_lies_on_top():
    def change(drawn, regions):
        drawn[WEST].append(draw(regions[WEST], slice(2, 5), slice(2, 8)))

    merged = edited(change)
    assert (merged.labels[2:5, 2:8] == 5).all()
    assert (merged.labels[5:8, 2:8] == 1).all()
    assert rows(merged) == [((WEST,), ("1", "5"), 18, "overlap in a region")]


def test_a_nucleus_without_pixels_is_left_out():
    def change(drawn, regions):
        drawn[WEST].append(draw(regions[WEST], slice(1, 9), slice(1, 9)))
        drawn[WEST].append(Drawn(0, 0, np.zeros((0, 0), bool)))

    merged = edited(change)
    assert (merged.labels[1:9, 1:9] == 5).all()
    assert rows(merged) == [
        ((WEST,), ("new",), 0, "has no pixels"),
        ((WEST,), ("1", "5"), 36, "overlap in a region"),
        ((WEST,), ("1",), 36, "all its pixels went to others"),
    ]


@pytest.mark.parametrize("tags", [True, False])
def test_neighbours_are_not_taken_over(tags):
    def change(drawn, regions):
        (index,) = (i for i, n in enumerate(drawn[WEST]) if n.neighbour)
        wide = draw(regions[WEST], slice(9, 16), slice(19, 24), 3 if tags else None)
        drawn[WEST][index] = replace(wide, neighbour=True)
        (index,) = (i for i, n in enumerate(drawn[EAST]) if n.neighbour)
        drawn[EAST][index] = replace(drawn[EAST][index], neighbour=False)  # made a nucleus

    merged = edited(change)
    assert np.array_equal(merged.labels, two_regions()[0])
    problems = [row[3] for row in rows(merged)]
    assert problems == [
        "neighbour edited",
        "carries the label 2, which is none of this region",
        "drawn twice",
    ]


def test_a_deleted_neighbour_is_said_and_kept():
    labels, regions = two_regions()
    labels[0, 20] = 9  # a second neighbour of the west, so that it still brings one back
    regions[EAST] = replace(regions[EAST], nuclei=(3, 4, 9))
    drawn = drawings(labels, regions)
    drawn[WEST] = [n for n in drawn[WEST] if n.label != 3]
    merged = merge(labels, regions, drawn)
    assert np.array_equal(merged.labels, labels)
    assert [row[1:] for row in rows(merged)] == [(("3",), 30, "neighbour deleted")]


# --- parts, limits ---------------------------------------------------------------------------


def test_a_region_that_is_missing_keeps_its_labels():
    labels, regions = two_regions()
    drawn = {WEST: [draw(regions[WEST], slice(9, 17), slice(19, 24))]}
    merged = merge(labels, regions, drawn)
    labels[labels < 3] = 0
    assert np.array_equal(merged.labels, labels)
    assert rows(merged) == [((WEST, EAST), ("new", "3"), 30, "drawn twice")]


def test_labels_end_at_the_largest_number():
    labels = np.zeros((9, 9), np.int32)
    labels[0, 0] = 2**31 - 1
    (region,) = cut(labels, 0)
    with pytest.raises(LabelError, match="number them from 1"):
        merge(labels, {"a": region}, {"a": [draw(region, slice(3, 5), slice(3, 5))]})


def test_random_edits_leave_no_pixel_unexplained():
    """Whatever is drawn: labels are unique, and pixels are lost only to conflicts."""
    rng = np.random.default_rng(0)
    labels = random_labels(9, (60, 80), range(1, 40))
    regions = {str(n): region for n, region in enumerate(cut(labels, 6, margin=9))}
    for _ in range(20):
        drawn = drawings(labels, regions)
        for name, region in regions.items():
            height, width = region.box[2] - region.box[0], region.box[3] - region.box[1]
            for _ in range(4):
                mask = np.zeros((height, width), bool)
                y, x = rng.integers(0, height), rng.integers(0, width)
                mask[y : y + rng.integers(1, 15), x : x + rng.integers(1, 15)] = True
                drawn[name].append(Drawn(*tight(mask)))
        merged = merge(labels, regions, drawn)
        claimed = labels > 0
        for name, region in regions.items():
            for nucleus in drawn[name]:
                y, x = region.box[0] + nucleus.top, region.box[1] + nucleus.left
                claimed[y : y + nucleus.mask.shape[0], x : x + nucleus.mask.shape[1]] |= (
                    nucleus.mask
                )
        twice = sum(c.problem == "drawn twice" for c in merged.conflicts)
        assert not (merged.labels[~claimed]).any()
        assert twice or ((merged.labels > 0) == claimed).all()
        assert merged.counts["new"] <= 4 * len(regions) - twice
        exported = set(np.unique(labels))
        new = np.setdiff1d(np.unique(merged.labels), [*exported])
        assert new.tolist() == list(range(40, 40 + merged.counts["new"]))
