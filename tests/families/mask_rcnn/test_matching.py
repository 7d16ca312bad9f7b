import numpy as np
import pytest
from reference.naive_boxes import naive_match

from nucseg_tf.families.mask_rcnn.matching import match, sample

NOWHERE = (0, 0, 0, 0)  # padding


def matched(boxes, truth, valid=None, best=True, positive=0.7, negative=0.3):
    """Index and kind of the boxes of one image."""
    boxes, truth = np.array([boxes], np.float32), np.array([truth], np.float32)
    valid = np.ones(truth.shape[:2], bool) if valid is None else np.array([valid])
    index, kind = match(boxes, truth, valid, positive, negative, best)
    return np.asarray(index)[0].tolist(), np.asarray(kind)[0].tolist()


def test_positives_negatives_and_neither_by_hand():
    nuclei = [(0, 0, 10, 10), (0, 20, 10, 40)]
    boxes = [
        (0, 20, 10, 36),  # IoU 0.8 with the second
        (0, 20, 10, 30),  # 0.5
        (0, 20, 10, 25),  # 0.25
        (0, 0, 9, 10),  # 0.9 with the first
        (50, 50, 60, 60),  # none
    ]
    index, kind = matched(boxes, nuclei, best=False)
    assert index[:4] == [1, 1, 1, 0]
    assert kind == [1, -1, 0, 1, 0]


def test_both_limits():
    # IoU of exactly 0.5: positive from there on, background only below.
    assert matched([(0, 0, 4, 8)], [(0, 0, 8, 8)], best=False, positive=0.5)[1] == [1]
    assert matched([(0, 0, 4, 8)], [(0, 0, 8, 8)], best=False, negative=0.5)[1] == [-1]


@pytest.mark.parametrize(("best", "expected"), [(False, [0, -1, 0]), (True, [0, 1, 0])])
def test_the_best_box_of_a_nucleus_stands_for_it_whatever_its_overlap(best, expected):
    boxes = [(0, 0, 8, 2), (0, 0, 8, 4), (0, 6, 8, 8)]  # 0.25, 0.5 and 0.25
    index, kind = matched(boxes, [(0, 0, 8, 8)], best=best)
    assert kind == expected
    assert index == [0, 0, 0]


def test_the_best_box_of_one_nucleus_may_overlap_another_more():
    # The second nucleus is touched by the first box alone, by 1 / 13 (the first by 0.8).
    nuclei = [(0, 0, 5, 2), (4, 0, 8, 1)]
    boxes = [(1, 0, 5, 2), (0, 0, 5, 2)]
    index, kind = matched(boxes, nuclei)
    assert index == [1, 0]
    assert kind == [1, 1]


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_the_best_box_of_several_nuclei_stands_for_the_one_it_overlaps_most(order):
    nuclei = [(0, 0, 10, 9), (8, 8, 12, 12)]  # 0.9 and 0.036
    index, kind = matched([(0, 0, 10, 10)], [nuclei[n] for n in order])
    assert kind == [1]
    assert nuclei[order[index[0]]] == nuclei[0]


def test_all_boxes_that_are_equally_good_stand_for_a_nucleus():
    boxes = [(0, 0, 8, 2), (0, 2, 8, 4), (0, 8, 8, 9)]  # 0.25, 0.25 and touching
    assert matched(boxes, [(0, 0, 8, 8)])[1] == [1, 1, 0]


def test_a_nucleus_that_no_box_touches_changes_nothing():
    assert matched([(0, 0, 4, 4), (9, 9, 12, 12)], [(20, 20, 30, 40)])[1] == [0, 0]


@pytest.mark.parametrize("best", [False, True])
def test_padding_is_no_nucleus(best):
    boxes = [(0, 0, 4, 8), (10, 10, 14, 18), NOWHERE]
    # Padding counts for nothing even where it would fit.
    index, kind = matched(boxes, [(0, 0, 4, 8), NOWHERE, (10, 10, 14, 18)], [1, 0, 0], best)
    assert kind == [1, 0, 0]
    assert index[0] == 0
    index, kind = matched(boxes, [NOWHERE, (0, 0, 4, 8)], [False, True], best)
    assert kind == [1, 0, 0]
    assert index[0] == 1


@pytest.mark.parametrize("best", [False, True])
def test_without_a_nucleus_all_is_background(best):
    boxes = [(0, 0, 4, 8), (10, 10, 14, 18), NOWHERE]
    index, kind = matched(boxes, [NOWHERE, (0, 0, 4, 8)], [False, False], best)
    assert kind == [0, 0, 0]
    assert set(index) <= {0, 1}


@pytest.mark.parametrize("best", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_equals_the_naive_one(seed, best):
    # Whole pixels, so that overlaps are exact and ties are ties.
    rng = np.random.default_rng(seed)
    images, count, most = 3, 50, 6
    first = rng.integers(0, (10, 25), (images, count, 2))
    boxes = np.concatenate([first, first + rng.integers(2, (9, 15), first.shape)], -1)
    truth = rng.permutation(boxes, axis=1)[:, :most] + rng.integers(0, 2, (images, most, 4))
    valid = rng.random((images, most)) < 0.7
    boxes, truth = boxes.astype(np.float32), truth.astype(np.float32)
    index, kind = map(np.asarray, match(boxes, truth, valid, 0.7, 0.3, best))
    assert index.dtype == kind.dtype == np.int32
    assert {-1, 0, 1} == set(kind.ravel().tolist())
    for image in range(images):
        there = np.flatnonzero(valid[image])
        nuclei = truth[image, there]
        for number, (nucleus, expected) in enumerate(
            naive_match(boxes[image], nuclei, 0.7, 0.3, best)
        ):
            assert kind[image, number] == expected
            if nucleus is not None:
                assert index[image, number] == there[nucleus]


def test_anchors_of_all_images_in_one():
    boxes = np.array([[(0, 0, 4, 8), (10, 10, 14, 18)]], np.float32)
    truth = np.array([[(0, 0, 4, 8)], [(10, 10, 14, 18)]], np.float32)
    _, kind = match(boxes, truth, np.ones((2, 1), bool), 0.7, 0.3, True)
    assert np.asarray(kind).tolist() == [[1, 0], [0, 1]]


def picked(kind, count, share, seed=0):
    """Kinds of those chosen, with the index of each, and whether it is to be trained on."""
    kind = np.atleast_2d(np.array(kind, np.int32))
    noise = np.random.default_rng(seed).random(kind.shape, np.float32)
    index, there = map(np.asarray, sample(kind, noise, count, share))
    assert index.shape == there.shape == (len(kind), count)
    assert index.dtype == np.int32
    assert ((index >= 0) & (index < kind.shape[1])).all()
    return np.take_along_axis(kind, index, axis=1), index, there


CASES = {  # nuclei, background, neither: chosen of the first two, of 8 with a share of 0.5
    (20, 20, 20): (4, 4),
    (3, 20, 20): (3, 5),
    (0, 20, 20): (0, 8),
    (20, 2, 20): (4, 2),
    (1, 2, 40): (1, 2),
    (20, 0, 0): (4, 0),
    (0, 0, 20): (0, 0),
    (4, 4, 0): (4, 4),
}


@pytest.mark.parametrize(("there", "expected"), CASES.items())
@pytest.mark.parametrize("seed", range(3))
def test_counts_and_shares(there, expected, seed):
    kind = np.repeat([1, 0, -1], there)
    kind = np.random.default_rng(seed).permutation(kind)
    kinds, index, valid = picked(kind, 8, 0.5, seed)
    nuclei, background = expected
    assert kinds[0, valid[0]].tolist() == [1] * nuclei + [0] * background
    assert valid[0].tolist() == [True] * sum(expected) + [False] * (8 - sum(expected))
    assert len(set(index[0, valid[0]])) == valid.sum()  # none twice


@pytest.mark.parametrize(("share", "nuclei"), [(0.25, 2), (0.75, 6), (1.0, 8)])
def test_share_is_the_most_of_nuclei(share, nuclei):
    kinds, _, valid = picked([1] * 20 + [0] * 20, 8, share)
    assert kinds[0].tolist() == [1] * nuclei + [0] * (8 - nuclei)
    assert valid.all()


def test_images_are_drawn_apart():
    kind = [[1] * 9 + [0] * 3, [-1] * 9 + [0] * 3, [0] * 11 + [1]]
    kinds, _, valid = picked(kind, 6, 0.5)
    assert valid.sum(1).tolist() == [6, 3, 6]
    assert [(kinds[i, valid[i]] == 1).sum() for i in range(3)] == [3, 0, 1]


def test_as_many_as_there_are():
    kinds, index, valid = picked([0, 1, -1, 1], 4, 0.5)
    assert kinds[0, valid[0]].tolist() == [1, 1, 0]
    assert sorted(index[0, valid[0]]) == [0, 1, 3]


def test_noise_decides():
    kind = [1] * 100 + [0] * 100
    first, again, other = (picked(kind, 40, 0.5, seed)[1] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert len(set(first[0]) - set(other[0])) > 20


def test_each_is_as_likely_as_any_other():
    counts = np.zeros(20)
    for seed in range(50):
        _, index, valid = picked([[1] * 8 + [0] * 12] * 8, 8, 0.5, seed)
        np.add.at(counts, index[valid], 1)
    # 400 draws: each of 8 nuclei with 4 / 8, each of 12 others with 4 / 12; 5 deviations of 10.
    np.testing.assert_allclose(counts, [200] * 8 + [400 / 3] * 12, atol=50)
