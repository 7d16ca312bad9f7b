import math

import numpy as np
import pytest
from reference.naive_boxes import naive_area, naive_decode, naive_encode, naive_iou

from nucseg_tf.families.mask_rcnn import boxes


def random_boxes(seed: int, *shape: int, height=40.0, width=90.0) -> np.ndarray:
    """Boxes of any sides, from a pixel on; more columns than rows, lest they be confused."""
    rng = np.random.default_rng(seed)
    first = rng.uniform(0, (height, width), (*shape, 2))
    sides = np.exp(rng.uniform(0.0, np.log((height, width)), (*shape, 2)))
    return np.concatenate([first, first + sides], -1).astype(np.float32)


def test_iou_of_drawn_boxes():
    first = np.array([[0, 0, 4, 6]], np.float32)  # 24 px
    second = np.array(
        [
            [2, 3, 4, 9],  # 12 px, shares 2 rows and 3 columns: 6 / (24 + 12 - 6)
            [3, 2, 9, 4],  # the same transposed, shares 1 row and 2 columns: 2 / (24 + 12 - 2)
            [1, 1, 3, 5],  # within: 8 / 24
            [0, 0, 4, 6],
            [0, 6, 4, 9],  # half-open: touches
            [4, 0, 9, 6],
            [7, 8, 9, 9],
        ],
        np.float32,
    )
    expected = [6 / 30, 2 / 34, 8 / 24, 1, 0, 0, 0]
    np.testing.assert_allclose(boxes.iou(first, second)[0], expected, rtol=1e-6)


def test_iou_and_areas_equal_the_naive_ones():
    first, second = random_boxes(0, 2, 7, width=50.0), random_boxes(1, 2, 9, width=50.0)
    found = np.asarray(boxes.iou(first, second))
    assert found.shape == (2, 7, 9)
    assert (found > 0).sum() > 10
    for b, i, j in np.ndindex(found.shape):
        assert found[b, i, j] == pytest.approx(naive_iou(first[b, i], second[b, j]), abs=1e-5)
    expected = [[naive_area(box) for box in image] for image in first]
    np.testing.assert_allclose(boxes.areas(first), expected, rtol=1e-4)


def test_iou_broadcasts_over_images():
    first, second = random_boxes(2, 1, 6), random_boxes(3, 3, 4)
    found = np.asarray(boxes.iou(first, second))
    assert found.shape == (3, 6, 4)
    for b in range(3):
        np.testing.assert_array_equal(found[b], boxes.iou(first[0], second[b]))


@pytest.mark.parametrize("empty", [(0, 0, 0, 0), (3, 3, 3, 8), (5, 5, 2, 9), (9, 9, 2, 2)])
def test_boxes_without_area_overlap_nothing(empty):
    both = np.array([empty, (0, 0, 20, 10)], np.float32)
    found = np.asarray(boxes.iou(both, both))
    np.testing.assert_array_equal(found, [[0, 0], [0, 1]])
    assert boxes.areas(both)[0] == 0


def test_encode_by_hand():
    anchor = np.array([[0, 0, 10, 20]], np.float32)  # centre (5, 10)
    box = np.array([[3, 4, 8, 44]], np.float32)  # centre (5.5, 24), sides 5 and 40
    expected = [0.5 / 10 / 0.1, 14 / 20 / 0.1, math.log(0.5) / 0.2, math.log(2) / 0.2]
    np.testing.assert_allclose(boxes.encode(box, anchor)[0], expected, rtol=1e-5)


def test_encode_and_decode_equal_the_naive_ones():
    anchors, targets = random_boxes(4, 2, 20), random_boxes(5, 2, 20)
    offsets = np.random.default_rng(6).normal(0, 3, (2, 20, 4)).astype(np.float32)
    encoded, decoded = boxes.encode(targets, anchors), boxes.decode(offsets, anchors)
    for b, i in np.ndindex(2, 20):
        anchor = anchors[b, i].astype(float)
        expected = naive_encode(targets[b, i].astype(float), anchor)
        np.testing.assert_allclose(encoded[b, i], expected, rtol=1e-4, atol=1e-3)
        expected = naive_decode(offsets[b, i].astype(float), anchor)
        np.testing.assert_allclose(decoded[b, i], expected, rtol=1e-4, atol=1e-3)


def test_decode_is_the_inverse_of_encode():
    # Sides of 1 to 60 px: none grows by more than decoding allows.
    anchors = random_boxes(7, 3, 50, height=20.0, width=60.0)
    targets = random_boxes(8, 3, 50, height=20.0, width=60.0)
    again = boxes.decode(boxes.encode(targets, anchors), anchors)
    np.testing.assert_allclose(again, targets, rtol=1e-4, atol=1e-3)


def test_encode_is_the_inverse_of_decode():
    anchors = random_boxes(9, 3, 50)
    offsets = np.random.default_rng(10).normal(0, 3, (3, 50, 4)).astype(np.float32)
    again = boxes.encode(boxes.decode(offsets, anchors), anchors)
    np.testing.assert_allclose(again, offsets, atol=0.02)


def test_no_offset_is_the_anchor():
    anchors = random_boxes(11, 9)
    np.testing.assert_allclose(boxes.decode(np.zeros((9, 4), np.float32), anchors), anchors, 1e-5)


def test_growth_is_limited():
    anchors = np.array([[10, 20, 12, 28]], np.float32)
    huge = np.array([[0, 0, 1e6, -1e6]], np.float32)
    y0, x0, y1, x1 = np.asarray(boxes.decode(huge, anchors))[0]
    assert y1 - y0 == pytest.approx(2 * 1000 / 16, rel=1e-4)
    assert x1 - x0 == pytest.approx(8 / (1000 / 16), abs=1e-4)
    assert (y0 + y1) / 2 == pytest.approx(11)


@pytest.mark.parametrize("empty", [(0, 0, 0, 0), (5, 5, 5, 5), (8, 8, 2, 3)])
def test_padding_is_coded_as_something_finite(empty):
    padding, anchor = np.array([empty], np.float32), np.array([[4, 4, 12, 20]], np.float32)
    assert np.isfinite(boxes.encode(padding, anchor)).all()
    assert np.isfinite(boxes.encode(anchor, padding)).all()
    assert np.isfinite(boxes.decode(np.ones((1, 4), np.float32), padding)).all()


def test_clip_by_hand():
    found = boxes.clip(
        np.array(
            [
                [[-3, -5, 7, 9], [2, 3, 40, 50], [-9, 12, -2, 45]],
                [[0, 0, 10, 30], [11, 31, 15, 35], [1, 2, 3, 4]],
            ],
            np.float32,
        ),
        10,
        30,
    )
    expected = [
        [[0, 0, 7, 9], [2, 3, 10, 30], [0, 12, 0, 30]],
        [[0, 0, 10, 30], [10, 30, 10, 30], [1, 2, 3, 4]],
    ]
    np.testing.assert_array_equal(found, expected)
