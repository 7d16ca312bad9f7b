"""Nuclei through planes: drawn by hand, and in simulated stacks."""

from __future__ import annotations

import weakref

import numpy as np
import pytest

from nucseg_tf.data.simulate import degrade, find_cell_lines, simulate_stack
from nucseg_tf.errors import LabelError, UsageError
from nucseg_tf.inference.link import PlaneLinker
from nucseg_tf.inference.link.planes import BRIDGE_IOU


def plane(*rows: str) -> np.ndarray:
    """Labels from digits, "." is background."""
    return np.array([[int(c.replace(".", "0")) for c in row] for row in rows], np.int32)


def link(*planes: np.ndarray, **options) -> list[list[int]]:
    linker = PlaneLinker(**options)
    return [linker.add(labels).tolist() for labels in planes]


def test_labels_go_on_where_they_overlap():
    assert link(plane("11..22"), plane("22..11"), plane("1....."), plane("....11")) == [
        [1, 2],
        [2, 1],
        [1],
        [2],  # bridged
    ]


def test_a_cap_counts_by_its_own_area():
    small, large = plane("......1..."), plane("1111111111")  # IoU 0.1
    assert link(small, large) == link(large, small) == [[1], [1]]
    assert link(plane("1.........", ".........."), plane("1.........", "1.........")) == [[1], [1]]


def test_too_little_overlap_is_a_new_nucleus():
    first, second = plane("1111......"), plane("...1111...")  # IoU 1/7, 1/4 of the smaller
    assert link(first, second) == [[1], [2]]
    assert link(first, second, min_iou=1 / 7) == [[1], [1]]
    assert link(first, second, min_overlap=0.25) == [[1], [1]]


def test_the_better_partner_is_taken_and_the_other_begins():
    assert link(plane("111111"), plane("112222")) == [[1], [2, 1]]
    assert link(plane("112222"), plane("111111")) == [[1, 2], [2]]


@pytest.mark.parametrize("gap", [0, 1, 2])
@pytest.mark.parametrize("missing", [1, 2, 3])
def test_gaps_are_bridged_up_to_their_limit(gap, missing):
    there, empty = plane("111"), plane("...")
    found = link(there, *[empty] * missing, there, gap=gap)
    assert found[-1] == ([1] if missing <= gap else [2])


def test_a_gap_wants_better_overlap():
    first, second = plane("1111..."), plane("..1111.")  # IoU 1/3
    assert 0.3 <= 1 / 3 < BRIDGE_IOU
    assert link(first, second) == [[1], [1]]
    assert link(first, plane("......."), second) == [[1], [], [2]]


def test_a_nucleus_that_goes_on_is_not_bridged_to():
    assert link(plane("11"), plane("11"), plane("11"), plane("22")) == [[1], [1], [1], [0, 1]]
    moved = link(plane("111111..2"), plane("....11..."), plane("1111....."))
    assert moved == [[1, 2], [1], [3]]


@pytest.mark.parametrize("gap", [0, 2])
def test_planes_are_let_go_of(gap):
    linker, kept = PlaneLinker(gap=gap), []
    for _ in range(6):
        labels = plane("1.2")
        kept.append(weakref.ref(labels))
        linker.add(labels)
    del labels
    assert [ref() is not None for ref in kept] == [False] * (5 - gap) + [True] * (gap + 1)


def test_numbers_without_pixels_are_no_nuclei():
    assert link(plane("3311")) == [[1, 0, 2]]


def test_empty_planes_are_allowed():
    assert link(plane("..."), plane(".1."), plane("...")) == [[], [1], []]


def test_no_nucleus_is_twice_in_a_plane_and_numbers_are_in_order():
    line = find_cell_lines("HCT116")[0]
    labels = simulate_stack(line, 1, 8, shape=(96, 96))[1]
    spoilt, _ = degrade(labels, np.random.default_rng(1), drop=0.1, split=0.2, jitter=1)
    seen = 0
    for ids in link(*spoilt):
        assert len(set(ids)) == len(ids)
        new = sorted(number for number in ids if number > seen)
        assert new == list(range(seen + 1, seen + 1 + len(new)))
        seen += len(new)


@pytest.mark.parametrize("name", ["HCT116", "MCF10A"])
def test_simulated_nuclei_are_found_whole(name):
    labels = simulate_stack(find_cell_lines(name)[0], 2, 12, shape=(128, 128), step=1.0)[1]
    planes, truth = degrade(labels, np.random.default_rng(0))
    pairs = {
        pair
        for trues, ids in zip(truth, link(*planes), strict=True)
        for pair in zip(trues.tolist(), ids, strict=True)
    }
    assert len(pairs) <= 1.05 * labels.max()  # one number each, but for one in twenty


@pytest.mark.parametrize(
    "options", [{"min_iou": 0.0}, {"min_iou": 1.1}, {"min_overlap": 0.0}, {"gap": -1}]
)
def test_values_out_of_range_are_usage_errors(options):
    with pytest.raises(UsageError, match="expected min_iou and min_overlap"):
        PlaneLinker(**options)


def test_what_is_no_plane_is_named():
    linker = PlaneLinker()
    with pytest.raises(LabelError, match=r"two-dimensional integer.*float64"):
        linker.add(np.zeros((2, 2)))
    linker.add(plane("11"))
    with pytest.raises(LabelError, match=r"one shape, \(1, 2\)"):
        linker.add(plane("111"))
