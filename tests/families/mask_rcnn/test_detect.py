import cv2
import keras
import numpy as np
import pytest
from scipy import ndimage

from nucseg_tf.evaluation.scores import score_image
from nucseg_tf.families.mask_rcnn import FAMILY, detect
from nucseg_tf.families.mask_rcnn.config import Architecture, Detect
from nucseg_tf.families.mask_rcnn.stitch import stitch
from nucseg_tf.imaging.window import Window
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


def test_vote_averages_boxes_and_counts_views():
    one = np.array([[0, 0, 10, 10], [50, 50, 60, 60]], np.float32)
    two = np.array([[0, 0, 10, 12]], np.float32)
    scores = [np.array([0.9, 0.8], np.float32), np.array([0.6], np.float32)]
    boxes, found = detect.vote([one, two], scores, least=0.3)
    np.testing.assert_allclose(found, [0.75, 0.4], rtol=1e-6)
    np.testing.assert_allclose(boxes[0], [0, 0, 10, (0.9 * 10 + 0.6 * 12) / 1.5], rtol=1e-6)
    np.testing.assert_allclose(boxes[1], one[1])
    boxes, found = detect.vote([one, two], scores, least=0.5)
    assert len(boxes) == len(found) == 1


def test_vote_keeps_touching_nuclei_apart():
    # Boxes of one view overlap by 0.38, and by as much those of the other: nobody's mean.
    one = np.array([[0, 0, 20, 20], [0, 9, 20, 29]], np.float32)
    two = np.array([[0, 8, 20, 26], [0, 0, 20, 18]], np.float32)
    scores = [np.array([0.9, 0.8], np.float32), np.array([0.95, 0.9], np.float32)]
    boxes, _ = detect.vote([one, two], scores, least=0.5)
    boxes = boxes[np.argsort(boxes[:, 1])]
    np.testing.assert_allclose(boxes, [[0, 0, 20, 19], [0, 8.5, 20, 27.4]], atol=0.1)


def test_vote_of_nothing_is_nothing():
    none = np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
    boxes, scores = detect.vote([none[0]] * 2, [none[1]] * 2, 0.5)
    assert boxes.shape == (0, 4)
    assert scores.shape == (0,)


@pytest.mark.parametrize("shape", [(1, 1), (64, 64), (70, 130)])
@pytest.mark.parametrize("tta", [1, 3])
def test_any_size_gives_detections_of_its_tiles(network, shape, tta):
    image = np.random.default_rng(0).random(shape).astype(np.float32)
    settings = Detect(score=0.0)
    parts = detect.Detector(network)(image, 128, tta, settings)
    assert len(parts) == (2 if shape[1] > 128 else 1)
    for part in parts:
        assert part.boxes.shape == (len(part.scores), 4)
        assert part.masks.shape == (len(part.scores), 14, 14)
        assert np.isfinite(part.boxes).all()
        assert 0 <= part.masks.min(initial=0) <= part.masks.max(initial=0) <= 1
        assert 0 <= part.tile[0] < part.tile[2] <= shape[0]
        assert 0 <= part.tile[1] < part.tile[3] <= shape[1]


@pytest.mark.parametrize(("likely", "expected"), [(1e9, detect.FEWEST), (-1e9, 1024)])
def test_more_candidates_are_looked_at_where_more_are_likely(
    network, monkeypatch, likely, expected
):
    monkeypatch.setattr(detect, "LIKELY", likely)
    detector, seen = detect.Detector(network), []
    propose = detector._propose

    def watched(size, candidates, overlap):
        seen.append(candidates)
        return propose(size, candidates, overlap)

    monkeypatch.setattr(detector, "_propose", watched)
    detector(np.zeros((64, 64), np.float32), 128, 1, Detect())
    assert seen == [expected]  # 64 x 64 px have 1023 anchors


class Seer:
    """Stands in for a network: sees bright rectangles and draws what the image shows of them."""

    mask_side = 28

    def __call__(self, image, training):
        assert not training
        return {"levels": image[..., 0], "rpn_logits": np.zeros((len(image), 4), np.float32)}

    def propose(self, outputs, size, candidates, count, overlap, least):
        rois = np.zeros((len(outputs["levels"]), 64, 4), np.float32)
        valid = np.zeros(rois.shape[:2], bool)
        for index, tile in enumerate(outputs["levels"]):
            assert tile.shape == size
            found = ndimage.find_objects(ndimage.label(tile > 0.5)[0])
            for number, (rows, columns) in enumerate(found):
                rois[index, number] = rows.start, columns.start, rows.stop, columns.stop
                valid[index, number] = True
        return rois, valid

    def detect(self, levels, rois, valid, size, overlap):
        return rois, np.where(valid, 0.9, 0).astype(np.float32)

    def draw_masks(self, levels, boxes):
        side = self.mask_side
        logits = np.full((*boxes.shape[:2], side, side), -9, np.float32)
        for index, own in enumerate(boxes):
            for number, (y0, x0, y1, x1) in enumerate(np.rint(own).astype(int)):
                seen = levels[index][y0:y1, x0:x1]
                if seen.size:
                    seen = cv2.resize(seen, (side, side), interpolation=cv2.INTER_LINEAR)
                    logits[index, number] = 20 * (seen - 0.5)
        return logits


@pytest.mark.parametrize("tta", [1, 2, 3, 8])
@pytest.mark.parametrize("batch", [1, 3])
def test_what_is_seen_in_tiles_and_turned_comes_back_in_place(monkeypatch, tta, batch):
    monkeypatch.setattr(detect, "compile_function", lambda function: function)
    labels = np.zeros((150, 230), np.int32)
    drawn = [(5, 6, 30, 20), (50, 100, 60, 140), (120, 200, 150, 230), (70, 3, 90, 33)]
    for number, (y0, x0, y1, x1) in enumerate(drawn, start=1):
        labels[y0:y1, x0:x1] = number
        labels[y0 : y0 + (y1 - y0) // 2, x0 : x0 + (x1 - x0) // 2] = 0  # L-shaped: turns show
    detector = detect.Detector(Seer())
    monkeypatch.setattr(detector, "_batch", batch)
    settings = Detect(min_area=0)
    parts = detector((labels > 0).astype(np.float32), 128, tta, settings)
    assert len(parts) == 6
    found = stitch(parts, Window.whole(labels.shape), threshold=0.5, same=0.5)
    assert found.labels.max() == 4
    score = score_image(labels, found.labels)
    assert score.counts["0.90"].ap == 1


def test_engine_rescales_boxes_and_tiles(network):
    part = detect.Detections(
        np.array([[10, 20, 30, 60]], np.float32),
        np.ones(1, np.float32),
        np.ones((1, 14, 14), np.float32),
        (0, 0, 100, 120),
    )
    (back,) = FAMILY.rescale([part], (50, 60), 2.0)
    np.testing.assert_array_equal(back.boxes, [[5, 10, 15, 30]])
    assert back.tile == (0, 0, 50, 60)
    labels = FAMILY.decode([back], Window.whole((50, 60)), Detect(min_area=0)).labels
    assert np.argwhere(labels).min(0).tolist() == [5, 10]
    assert np.argwhere(labels).max(0).tolist() == [14, 29]


def test_the_edge_of_a_zoomed_image_stays_the_edge(network):
    # 101 px at half size are 50: the last tile ends at 101 px, not at 100.
    part = detect.Detections(
        np.array([[48.5, 10, 50, 20]], np.float32),
        np.ones(1, np.float32),
        np.ones((1, 14, 14), np.float32),
        (0, 0, 50, 60),
    )
    (back,) = FAMILY.rescale([part], (101, 120), 0.5)
    assert back.tile == (0, 0, 101, 120)
    labels = FAMILY.decode([back], Window.whole((101, 120)), Detect(min_area=0)).labels
    assert labels[-1].any()
