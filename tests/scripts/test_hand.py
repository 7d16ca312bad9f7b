"""The simulated hand: what it puts right, and what it counts."""

from __future__ import annotations

import numpy as np
import pytest
from annotator.hand import correct, middle

WHOLE = (0, 0, 10, 40)


def drawn(*nuclei: tuple[int, int]) -> np.ndarray:
    """Labels (10, 40) with nuclei 1, 2, ... in rows 2 to 7, in columns from, to."""
    labels = np.zeros((10, 40), np.int32)
    for number, (x0, x1) in enumerate(nuclei, start=1):
        labels[2:8, x0:x1] = number
    return labels


def same(labels: np.ndarray, truth: np.ndarray) -> bool:
    """Whether both have the same nuclei, whatever their numbers."""
    pairs = {*zip(labels.ravel().tolist(), truth.ravel().tolist(), strict=True)}
    return len(pairs) == len(np.unique(labels)) == len(np.unique(truth))


TRUTH = drawn((0, 10), (12, 22), (25, 35))


@pytest.mark.parametrize(
    ("labels", "drawn_anew", "deleted"),
    [
        (TRUTH, 0, 0),
        (drawn((0, 10), (12, 22)), 1, 0),  # missed
        (drawn((0, 10), (12, 22), (25, 35), (37, 39)), 0, 1),  # none
        (drawn((0, 5), (5, 10), (12, 22), (25, 35)), 1, 0),  # in parts
        (drawn((0, 22), (25, 35)), 2, 0),  # two as one
        (drawn((0, 10), (12, 22), (25, 31)), 1, 0),  # too small
        (drawn(), 3, 0),
    ],
)
def test_puts_right_and_counts(labels, drawn_anew, deleted):
    found = correct(labels, TRUTH, WHOLE)
    assert (found.drawn, found.deleted, found.nuclei) == (drawn_anew, deleted, 3)
    assert found.looked == 3 + deleted
    assert found.corrections == drawn_anew + deleted
    assert same(found.labels, TRUTH)


def test_leaves_outlines_that_are_good_enough():
    labels = drawn((0, 8), (12, 22), (25, 35))
    found = correct(labels, TRUTH, WHOLE)
    assert found.corrections == 0
    assert np.array_equal(found.labels, labels)


def test_looks_at_what_reaches_into_the_box_alone():
    labels = drawn((0, 4), (25, 31), (37, 39))
    found = correct(labels, TRUTH, (0, 0, 10, 13))
    assert (found.drawn, found.deleted, found.nuclei) == (2, 0, 2)
    assert same(found.labels[:, :24], TRUTH[:, :24])
    assert np.array_equal(found.labels[:, 24:] > 0, labels[:, 24:] > 0)


@pytest.mark.parametrize(("share", "box"), [(1.0, (0, 0, 10, 40)), (0.25, (2, 10, 7, 30))])
def test_the_middle_has_its_share(share, box):
    assert middle((10, 40), share) == box
