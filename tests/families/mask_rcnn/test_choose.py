import numpy as np
import pytest
from reference.naive_boxes import naive_iou, naive_nms

from nucseg_tf.families.mask_rcnn.choose import choose, iou, suppress

SIZE = (32, 64)


def crowd(seed: int, count=80) -> np.ndarray:
    """Boxes that overlap a lot, more along rows than along columns; some beyond the tile."""
    rng = np.random.default_rng(seed)
    first = rng.uniform(-6, (24, 56), (count, 2))
    return np.concatenate([first, first + rng.uniform(2, (14, 30), (count, 2))], -1).astype("f4")


def test_iou_equals_the_naive_one():
    boxes = crowd(0)
    expected = [naive_iou(boxes[3], box) for box in boxes]
    np.testing.assert_allclose(iou(boxes[3], boxes), expected, atol=1e-5)
    assert iou(boxes[3], boxes)[3] == 1


@pytest.mark.parametrize("overlap", [0.0, 0.3, 0.6, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_suppression_equals_the_naive_one(seed, overlap):
    boxes = crowd(seed)
    expected = np.flatnonzero(naive_nms(boxes, np.ones(len(boxes), bool), overlap))
    np.testing.assert_array_equal(suppress(boxes, overlap), expected)
    assert 0 < len(expected) < len(boxes) or overlap == 1


def test_a_suppressed_box_does_not_suppress_and_the_threshold_is_no_overlap():
    # 8 px wide, 2 px apart: neighbours share 6 of 10 columns, those after them 4 of 12.
    first, second, third = ([0, x, 5, x + 8] for x in (0.0, 2.0, 4.0))
    chain = np.array([first, second, third], np.float32)
    assert suppress(chain, 0.5).tolist() == [0, 2]
    assert suppress(chain[[1, 0, 2]], 0.5).tolist() == [0]
    halves = np.array([[0, 0, 2, 4], [0, 0, 2, 2]], np.float32)
    assert suppress(halves, 0.5).tolist() == [0, 1]
    assert suppress(halves, 0.49).tolist() == [0]


def test_the_first_of_equal_boxes_stays():
    boxes = np.array([[0, 0, 4, 4]] * 3, np.float32)
    assert suppress(boxes, 0.5).tolist() == [0]
    found, logits = choose(boxes, np.array([1, 2, 2], np.float32), SIZE, 0.5, 9)
    assert (len(found), logits.tolist()) == (1, [2])


def test_the_best_come_first_inside_the_tile():
    boxes, logits = crowd(4), np.random.default_rng(1).normal(size=80).astype(np.float32)
    found, kept = choose(boxes, logits, SIZE, 0.4, 1000)
    assert (np.diff(kept) < 0).all()
    assert kept[0] == logits.max()
    assert found.min() == 0
    assert found[:, [0, 2]].max() <= SIZE[0]
    assert found[:, [1, 3]].max() <= SIZE[1]
    rank = np.flatnonzero(logits == kept[1])[0]
    np.testing.assert_array_equal(found[1], np.clip(boxes[rank], 0, [*SIZE, *SIZE]))


def test_only_so_many_are_looked_at():
    apart = np.array([[0, x, 4, x + 4] for x in range(0, 40, 8)], np.float32)
    logits = np.array([1, 5, 2, 4, 3], np.float32)
    found, kept = choose(apart, logits, SIZE, 0.5, 3)
    assert kept.tolist() == [5, 4, 3]
    np.testing.assert_array_equal(found, apart[[1, 3, 4]])


def test_thin_boxes_are_dropped_and_suppress_none():
    boxes = np.array([[4, 8, 4.9, 40], [4, 8, 16, 40], [-9, 0, 0.5, 9], [2, 64, 9, 80]], np.float32)
    found, kept = choose(boxes, np.array([9, 1, 8, 7], np.float32), SIZE, 0.01, 9)
    assert kept.tolist() == [1]
    np.testing.assert_array_equal(found, boxes[[1]])


def test_of_nothing_nothing_is_chosen():
    found, kept = choose(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), SIZE, 0.5, 9)
    assert found.shape == (0, 4)
    assert kept.shape == (0,)
