import keras
import numpy as np
import pytest
import tensorflow as tf
from reference.naive_boxes import naive_decode, naive_nms

from nucseg_tf.families.mask_rcnn.anchors import anchors_of
from nucseg_tf.families.mask_rcnn.boxes import encode
from nucseg_tf.families.mask_rcnn.proposals import best_boxes, build_rpn, propose, run_rpn

SIZE = 32, 64
STRIDES, SIZES, RATIOS = (8, 16), (12.0, 24.0), (0.5, 1.0, 2.0)


def random_outputs(seed: int, spread=1.0):
    """Anchors, and logits and offsets for two images."""
    rng = np.random.default_rng(seed)
    anchors = np.asarray(anchors_of(*SIZE, STRIDES, SIZES, RATIOS))
    logits = rng.normal(size=(2, len(anchors))).astype(np.float32)
    return logits, rng.normal(0, spread, (2, len(anchors), 4)).astype(np.float32), anchors


def proposed(logits, offsets, anchors, candidates=60, count=40, threshold=0.5):
    found = propose(logits, offsets, anchors, SIZE, candidates, count, threshold)
    return tuple(map(np.asarray, found))


def naive_propose(logits, offsets, anchors, candidates, count, threshold) -> list[tuple]:
    """(box, logit) of the proposals of one image."""
    order = sorted(range(len(anchors)), key=lambda i: -logits[i])[:candidates]
    boxes = np.array([naive_decode(offsets[i], anchors[i].astype(float)) for i in order])
    boxes = np.clip(boxes, 0, [*SIZE, *SIZE])
    valid = [min(y1 - y0, x1 - x0) >= 1 for y0, x0, y1, x1 in boxes]
    kept = naive_nms(boxes, valid, threshold)
    found = [(box, logits[i]) for i, box, stays in zip(order, boxes, kept, strict=True) if stays]
    return found[:count]


@pytest.mark.parametrize(("candidates", "count"), [(60, 40), (60, 5), (20, 40), (1000, 7)])
@pytest.mark.parametrize("spread", [0.5, 4.0])
def test_equals_the_naive_one(candidates, count, spread):
    logits, offsets, anchors = random_outputs(0, spread)
    boxes, scores, there = proposed(logits, offsets, anchors, candidates, count)
    assert boxes.shape == (2, count, 4)
    assert scores.shape == there.shape == (2, count)
    assert there.dtype == bool
    for image in range(2):
        expected = naive_propose(logits[image], offsets[image], anchors, candidates, count, 0.5)
        assert there[image].tolist() == [True] * len(expected) + [False] * (count - len(expected))
        for number, (box, logit) in enumerate(expected):
            np.testing.assert_allclose(boxes[image, number], box, atol=1e-3)
            assert scores[image, number] == logit
        assert not boxes[image, len(expected) :].any()
        assert not scores[image, len(expected) :].any()


def test_boxes_lie_in_the_image():
    boxes, _, there = proposed(*random_outputs(1, spread=8.0))
    assert boxes.min() == 0
    assert boxes[..., [0, 2]].max() == 32
    assert boxes[..., [1, 3]].max() == 64
    assert (boxes[there][:, 2:] - boxes[there][:, :2]).min() >= 1


def test_the_best_come_first():
    _, scores, there = proposed(*random_outputs(2))
    for image in range(2):
        assert (np.diff(scores[image, there[image]]) < 0).all()


def test_more_places_than_anchors():
    logits, offsets, anchors = random_outputs(3)
    few = (logits[:, :5], offsets[:, :5], anchors[:5])
    boxes, scores, there = proposed(*few, count=9, threshold=1.0)
    assert boxes.shape == (2, 9, 4)
    assert there.tolist() == [[True] * 5 + [False] * 4] * 2
    np.testing.assert_array_equal(scores[:, :5], -np.sort(-few[0], axis=1))


def test_thin_boxes_are_dropped_and_suppress_none():
    anchors = np.array([[4, 8, 16, 40], [4, 8, 16, 40]], np.float32)
    wanted = np.array([[[4, 8, 4.9, 40], [4, 8, 16, 40]], [[40, 8, 50, 40], [4, 8, 5, 40]]])
    offsets = np.asarray(encode(wanted.astype(np.float32), anchors[None]))
    logits = np.array([[9, 1], [9, 1]], np.float32)
    boxes, scores, there = proposed(logits, offsets, anchors, count=2, threshold=0.01)
    assert there.tolist() == [[True, False], [True, False]]
    assert scores.tolist() == [[1, 0], [1, 0]]
    # The second image's first box lies below the image.
    np.testing.assert_allclose(boxes[:, 0], wanted[:, 1], atol=1e-3)


def test_no_candidate_at_all():
    logits, offsets, anchors = random_outputs(4)
    boxes, scores, there = proposed(logits, offsets, anchors - 1000)
    assert not there.any()
    assert not boxes.any()
    assert not scores.any()


def test_best_boxes_by_hand():
    boxes = np.array([[[0, 0, 4, 8], [0, 1, 4, 9], [9, 9, 12, 20], [0, 9, 5, 12]]], np.float32)
    logits = np.array([[3, 2, -1, -5]], np.float32)
    valid = np.array([[True, True, True, False]])
    found, scores, there = map(np.asarray, best_boxes(boxes, logits, valid, 3, 0.5))
    assert found.tolist() == [[[0, 0, 4, 8], [9, 9, 12, 20], [0, 0, 0, 0]]]
    assert scores.tolist() == [[3, -1, 0]]
    assert there.tolist() == [[True, True, False]]


def test_compiled_equals_eager():
    outputs = random_outputs(5)
    compiled = tf.function(lambda *args: propose(*args, SIZE, 60, 40, 0.5), jit_compile=True)
    for found, expected in zip(compiled(*outputs), proposed(*outputs), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-3)


def test_outputs_come_in_the_order_of_the_anchors():
    # A network whose offsets are the boxes around the middle of each cell, drawn by hand.
    levels = []
    for stride, size in zip(STRIDES, SIZES, strict=True):
        level = np.zeros((1, SIZE[0] // stride, SIZE[1] // stride, 3 + 12), np.float32)
        for row, column, number in np.ndindex(*level.shape[1:3], 3):
            root = RATIOS[number] ** 0.5
            y, x = (row + 0.5) * stride, (column + 0.5) * stride
            tall, wide = size / root / 2, size * root / 2
            box = y - tall, x - wide, y + tall, x + wide
            level[0, row, column, 3 + 4 * number : 7 + 4 * number] = box
            level[0, row, column, number] = sum(box)
        levels.append(level)
    logits, offsets = run_rpn(lambda level: (level[..., :3], level[..., 3:]), levels)
    anchors = np.asarray(anchors_of(*SIZE, STRIDES, SIZES, RATIOS))
    np.testing.assert_allclose(offsets[0], anchors, atol=1e-4)
    np.testing.assert_allclose(logits[0], anchors.sum(1), atol=1e-3)


def test_the_network_sees_each_level_alike():
    keras.utils.set_random_seed(0)
    rpn = build_rpn(4, 6, 3)
    levels = [np.random.default_rng(0).random((2, n, 2 * n, 4), np.float32) for n in (8, 4, 1)]
    logits, offsets = run_rpn(rpn, levels)
    assert logits.shape == (2, 3 * (128 + 32 + 2))
    assert offsets.shape == (*logits.shape, 4)
    alone = run_rpn(rpn, levels[1:2])
    np.testing.assert_allclose(logits[:, 3 * 128 : 3 * 160], alone[0], atol=1e-6)
    np.testing.assert_allclose(offsets[:, 3 * 128 : 3 * 160], alone[1], atol=1e-6)
