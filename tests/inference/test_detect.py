import keras
import numpy as np
import pytest

from nucseg_tf.config import Architecture, Detect
from nucseg_tf.inference import detect
from nucseg_tf.inference.engines import DetectionsEngine
from nucseg_tf.models import zoo

SMALL = {
    "family": "mask_rcnn",
    "encoder": "mobilenetv2",
    "filters": 16,
    "detector": {"rpn_filters": 16, "box_units": 16, "mask_filters": 8, "mask_cells": 14},
}


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(1)
    return zoo.build(Architecture(**SMALL))


@pytest.mark.parametrize("view", detect.FLIPS)
def test_boxes_turn_as_images_do(view):
    image = np.zeros((20, 30), np.float32)
    image[3:7, 11:20] = 1
    turned = detect._turn(image, view)
    rows, columns = np.nonzero(turned)
    expected = [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]
    box = np.array([[3, 11, 7, 20]], np.float32)
    found = detect.turn_boxes(box, view, image.shape)
    np.testing.assert_array_equal(found, [expected])
    np.testing.assert_array_equal(detect.turn_back(found, view, image.shape), box)


def test_all_symmetries_are_there():
    image = np.arange(6).reshape(2, 3)
    assert len({detect._turn(image, view).tobytes() for view in detect.FLIPS}) == 8


def test_vote_averages_boxes_and_counts_views():
    one = np.array([[0, 0, 10, 10], [50, 50, 60, 60]], np.float32)
    two = np.array([[0, 0, 10, 12]], np.float32)
    scores = [np.array([0.9, 0.8], np.float32), np.array([0.6], np.float32)]
    boxes, found = detect.vote([one, two], scores, overlap=0.4, least=0.3)
    np.testing.assert_allclose(found, [0.75, 0.4], rtol=1e-6)
    np.testing.assert_allclose(boxes[0], [0, 0, 10, (0.9 * 10 + 0.6 * 12) / 1.5], rtol=1e-6)
    np.testing.assert_allclose(boxes[1], one[1])
    boxes, found = detect.vote([one, two], scores, overlap=0.4, least=0.5)
    assert len(boxes) == len(found) == 1


def test_vote_of_nothing_is_nothing():
    none = np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
    boxes, scores = detect.vote([none[0]] * 2, [none[1]] * 2, 0.4, 0.5)
    assert boxes.shape == (0, 4)
    assert scores.shape == (0,)


@pytest.mark.parametrize("shape", [(1, 1), (64, 64), (70, 130)])
@pytest.mark.parametrize("tta", [1, 3])
def test_any_size_gives_detections_of_its_tiles(network, shape, tta):
    image = np.random.default_rng(0).random(shape).astype(np.float32)
    settings = Detect(score=0.0)
    parts = detect.Detector(network)(image, 128, 32, settings, tta)
    assert len(parts) == (2 if shape[1] > 128 else 1)
    for part in parts:
        assert part.boxes.shape == (len(part.scores), 4)
        assert part.masks.shape == (len(part.scores), 14, 14)
        assert np.isfinite(part.boxes).all()
        assert 0 <= part.masks.min(initial=0) <= part.masks.max(initial=0) <= 1
        assert 0 <= part.tile[0] < part.tile[2] <= shape[0]
        assert 0 <= part.tile[1] < part.tile[3] <= shape[1]


def test_more_candidates_are_looked_at_where_more_are_likely(network, monkeypatch):
    seen = []
    detector = detect.Detector(network)
    find = detector._boxes
    detector._boxes = lambda size, candidates, overlap: (
        seen.append(candidates) or find(size, candidates, overlap)
    )
    image = np.zeros((64, 64), np.float32)
    monkeypatch.setattr(detect, "LIKELY", 1e9)
    detector(image, 128, 32, Detect())
    monkeypatch.setattr(detect, "LIKELY", -1e9)
    detector(image, 128, 32, Detect())
    assert seen[0] == detect.FEWEST
    assert seen[1] >= 1023  # all anchors of 64 x 64 px


def test_engine_rescales_boxes_and_tiles(network):
    engine = DetectionsEngine(network)
    part = detect.Detections(
        np.array([[10, 20, 30, 60]], np.float32),
        np.ones(1, np.float32),
        np.ones((1, 14, 14), np.float32),
        (0, 0, 100, 120),
    )
    (back,) = engine.rescale([part], (50, 60), 2.0)
    np.testing.assert_array_equal(back.boxes, [[5, 10, 15, 30]])
    assert back.tile == (0, 0, 50, 60)
    labels = engine.decode([back], (50, 60), Detect(min_area=0)).labels
    assert np.argwhere(labels).min(0).tolist() == [5, 10]
    assert np.argwhere(labels).max(0).tolist() == [14, 29]
