import numpy as np
import pytest
import tensorflow as tf
from reference.naive_boxes import naive_iou, naive_nms

from nucseg_tf.families.mask_rcnn.nms import suppress


def crowd(seed: int, images=2, count=60) -> np.ndarray:
    """Boxes that overlap a lot, more along rows than along columns."""
    rng = np.random.default_rng(seed)
    first = rng.uniform(0, (20, 50), (images, count, 2))
    sides = rng.uniform(4, (14, 30), (images, count, 2))
    return np.concatenate([first, first + sides], -1).astype(np.float32)


def chain(count: int) -> np.ndarray:
    """Boxes in a row; each overlaps the one before and the one after by an IoU of 0.6 only.

    8 px wide, 2 px apart: neighbours share 6 of 10 columns, those after them 4 of 12.
    """
    starts = 2 * np.arange(count)
    zero = np.zeros(count)
    return np.stack([zero, starts, zero + 5, starts + 8], -1).astype(np.float32)


def kept_of(boxes, valid=None, threshold=0.5) -> np.ndarray:
    boxes = np.asarray(boxes, np.float32)
    valid = np.ones(boxes.shape[:2], bool) if valid is None else np.asarray(valid)
    return np.asarray(suppress(boxes, valid, threshold))


@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.3, 0.5, 0.7])
@pytest.mark.parametrize("seed", range(3))
def test_crowds_equal_the_greedy_ones(seed, threshold):
    boxes = crowd(seed)
    valid = np.random.default_rng(seed + 100).random(boxes.shape[:2]) < 0.8
    found = kept_of(boxes, valid, threshold)
    for image in range(len(boxes)):
        assert found[image].tolist() == naive_nms(boxes[image], valid[image], threshold)
    assert 0 < found.sum() < valid.sum()


@pytest.mark.parametrize("count", [1, 2, 3, 40, 41])
def test_every_second_of_a_chain_stays(count):
    # As many rounds as boxes: each waits for the one before.
    assert kept_of(chain(count)[None])[0].tolist() == [i % 2 == 0 for i in range(count)]


@pytest.mark.parametrize("seed", range(4))
def test_a_chain_in_any_order_equals_the_greedy_one(seed):
    boxes = np.random.default_rng(seed).permutation(chain(30))
    assert kept_of(boxes[None])[0].tolist() == naive_nms(boxes, np.ones(30, bool), 0.5)


def test_a_suppressed_box_does_not_suppress():
    first, second, third = chain(3)
    assert naive_iou(first, second) > 0.5 > naive_iou(first, third)
    assert kept_of([[first, second, third]]).tolist() == [[True, False, True]]
    assert kept_of([[second, first, third]]).tolist() == [[True, False, False]]


def test_invalid_boxes_neither_stay_nor_suppress():
    boxes = chain(4)[None]
    valid = np.array([[True, False, True, True]])
    # The second would have been suppressed, and the fourth is by the third.
    assert kept_of(boxes, valid).tolist() == [[True, False, True, False]]
    valid = np.array([[False, True, True, True]])
    assert kept_of(boxes, valid).tolist() == [[False, True, False, True]]
    assert not kept_of(boxes, np.zeros((1, 4), bool)).any()


def test_the_first_of_equal_boxes_stays():
    same = np.repeat(chain(1), 5, axis=0)
    assert kept_of([same]).tolist() == [[True, False, False, False, False]]


def test_overlap_at_the_threshold_is_no_overlap():
    boxes = [[[0, 0, 2, 4], [0, 0, 2, 2]]]  # 4 of 8 px
    assert kept_of(boxes, threshold=0.5).tolist() == [[True, True]]
    assert kept_of(boxes, threshold=0.49).tolist() == [[True, False]]


def test_threshold_one_keeps_all_and_boxes_without_area_stay_apart():
    assert kept_of(crowd(5), threshold=1.0).all()
    assert kept_of(np.zeros((1, 3, 4)), threshold=0.0).all()


def test_images_do_not_mix():
    apart = chain(20) * np.array([1, 10, 1, 10], np.float32)
    apart[:, 3] = apart[:, 1] + 8
    both = np.stack([chain(20), apart])
    found = kept_of(both)
    np.testing.assert_array_equal(found[0], kept_of(both[:1])[0])
    assert found[1].all()


def test_compiled_equals_eager():
    boxes, valid = crowd(6), np.ones((2, 60), bool)
    compiled = tf.function(lambda b, v: suppress(b, v, 0.4), jit_compile=True)
    np.testing.assert_array_equal(compiled(boxes, valid), kept_of(boxes, valid, 0.4))
