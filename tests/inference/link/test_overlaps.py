"""Overlaps of labels, and the choice among them, held to naive twins."""

from __future__ import annotations

import numpy as np
import pytest

from nucseg_tf.inference.link.overlaps import find_overlaps, pick_best


def naive_overlaps(first, second):
    counts: dict[tuple[int, int], int] = {}
    for one, other in zip(first.ravel().tolist(), second.ravel().tolist(), strict=True):
        if one and other:
            counts[one, other] = counts.get((one, other), 0) + 1
    return sorted((*pair, pixels) for pair, pixels in counts.items())


def naive_best(first, second, score):
    picked: list[int] = []
    for index in sorted(range(len(score)), key=lambda i: (-score[i], i)):
        taken = [i for i in picked if first[i] == first[index] or second[i] == second[index]]
        picked += [] if taken else [index]
    return sorted(picked)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("dtype", [np.uint8, np.int32])
def test_overlaps_are_those_of_pixels(seed, dtype):
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 5, (2, 13, 17)).astype(dtype)
    found = np.stack(find_overlaps(first, second), axis=1)
    assert [tuple(row) for row in found.tolist()] == naive_overlaps(first, second)


def test_nothing_overlaps_nothing():
    empty = np.zeros((4, 4), np.int32)
    assert [len(part) for part in find_overlaps(empty, empty + 1)] == [0, 0, 0]


@pytest.mark.parametrize("seed", range(20))
def test_the_best_pairs_are_those_taken_one_by_one(seed):
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 9, (2, 40))
    score = rng.integers(0, 6, 40) / 6  # with ties
    assert pick_best(first, second, score).tolist() == naive_best(first, second, score)


def test_no_pair_is_picked_of_none():
    none = np.empty(0, np.int64)
    assert pick_best(none, none, none.astype(float)).tolist() == []
