import cv2
import keras
import numpy as np
import pytest
from scipy import ndimage

from nucseg_tf.engines.base import Compiled, Source
from nucseg_tf.engines.keras import Keras
from nucseg_tf.evaluation.scores import score_image
from nucseg_tf.families.mask_rcnn import FAMILY, detect
from nucseg_tf.families.mask_rcnn.config import Architecture, Detect
from nucseg_tf.families.mask_rcnn.stitch import stitch
from nucseg_tf.imaging.raster import Plain
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


@pytest.fixture(scope="module")
def compiled(network):
    return Keras().compile(Source(lambda: network, split=FAMILY.parts))


@pytest.mark.parametrize("shape", [(1, 1), (64, 64), (70, 130)])
@pytest.mark.parametrize("tta", [1, 3])
def test_any_size_gives_detections_of_its_tiles(compiled, shape, tta):
    image = np.random.default_rng(0).random(shape).astype(np.float32)
    settings = Detect(score=0.0)
    parts = detect.Detector(compiled)(Plain(image), 128, tta, settings)
    assert len(parts) == (2 if shape[1] > 128 else 1)
    for part in parts:
        assert part.boxes.shape == (len(part.scores), 4)
        assert part.masks.shape == (len(part.scores), 14, 14)
        assert np.isfinite(part.boxes).all()
        assert 0 <= part.masks.min(initial=0) <= part.masks.max(initial=0) <= 1
        assert 0 <= part.tile[0] < part.tile[2] <= shape[0]
        assert 0 <= part.tile[1] < part.tile[3] <= shape[1]


def test_only_likely_anchors_are_looked_at(monkeypatch):
    boxes = np.array([[0, 0, 9, 9], [0, 20, 9, 29], [0, 40, 9, 49], [0, 60, 9, 69]], np.float32)
    logits = np.array([detect.LIKELY, 1, detect.LIKELY + 0.1, 2], np.float32)
    (found,) = detect.propose(logits[None], boxes[None], (64, 128), 0.5)
    np.testing.assert_array_equal(found, boxes[[3, 1, 2]])
    monkeypatch.setattr(detect, "MOST", 2)  # and half as many proposals
    (found,) = detect.propose(logits[None], boxes[None], (64, 128), 0.5)
    np.testing.assert_array_equal(found, boxes[[3]])


@pytest.mark.parametrize(
    ("number", "expected"), [(0, 4), (4, 4), (5, 6), (7, 8), (9, 12), (13, 16), (49, 64)]
)
def test_boxes_are_padded_to_few_sizes(number, expected):
    own = np.arange(4 * number, dtype=np.float32).reshape(-1, 4)
    stacked = detect._stack([own, own[:1]], 4)
    assert stacked.shape == (2, expected, 4)
    np.testing.assert_array_equal(stacked[0, :number], own)
    assert not stacked[0, number:].any()
    assert not stacked[1, 1:].any()


def test_many_masks_are_drawn_in_turns(monkeypatch):
    monkeypatch.setattr(detect, "MASKS", 4)
    detector = detect.Detector(seer())
    first = np.array([[0, x, 8, x + 8] for x in range(9)], np.float32)
    image = np.random.default_rng(0).random((2, 64, 64)).astype(np.float32)
    many = detector._masks([image], [first, first[:3]])
    assert [len(masks) for masks in many] == [9, 3]
    for index, boxes in enumerate((first, first[:3])):
        for box, mask in zip(boxes, many[index], strict=True):
            (alone,) = detector._masks([image[index : index + 1]], [box[None]])
            np.testing.assert_array_equal(mask, alone[0])


SIDE = 28  # cells of the masks that stand-ins draw


def seer() -> Compiled:
    """Stands in for a network: sees bright rectangles and draws what the image shows of them."""

    def see(batch):
        tiles = batch[..., 0]
        boxes = np.zeros((len(tiles), 64, 4), np.float32)
        logits = np.full(boxes.shape[:2], -9, np.float32)
        for index, tile in enumerate(tiles):
            found = ndimage.find_objects(ndimage.label(tile > 0.5)[0])
            for number, (rows, columns) in enumerate(found):
                boxes[index, number] = rows.start, columns.start, rows.stop, columns.stop
                logits[index, number] = 9
        return *[tiles] * (detect.LEVELS + 1), logits, boxes

    def score(*inputs):
        assert len(inputs) == detect.LEVELS + 1
        return np.full(inputs[-1].shape[:2], 2.2, np.float32), inputs[-1]

    def draw(tiles, boxes):
        masks = np.zeros((*boxes.shape[:2], SIDE, SIDE), np.float32)
        for index, own in enumerate(boxes):
            for number, (y0, x0, y1, x1) in enumerate(np.rint(own).astype(int)):
                seen = tiles[index][y0:y1, x0:x1]
                if seen.size:
                    seen = cv2.resize(seen, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
                    masks[index, number] = 1 / (1 + np.exp(-20 * (seen - 0.5)))
        return masks

    parts = {"see": see, "score": score, "draw": draw}
    return Compiled(parts, Source(lambda: None), "stand-in", "f32", "cpu")


@pytest.mark.parametrize("tta", [1, 2, 3, 8])
@pytest.mark.parametrize("batch", [1, 3])
def test_what_is_seen_in_tiles_and_turned_comes_back_in_place(monkeypatch, tta, batch):
    labels = np.zeros((150, 230), np.int32)
    drawn = [(5, 6, 30, 20), (50, 100, 60, 140), (120, 200, 150, 230), (70, 3, 90, 33)]
    for number, (y0, x0, y1, x1) in enumerate(drawn, start=1):
        labels[y0:y1, x0:x1] = number
        labels[y0 : y0 + (y1 - y0) // 2, x0 : x0 + (x1 - x0) // 2] = 0  # L-shaped: turns show
    detector = detect.Detector(seer())
    monkeypatch.setattr(detector, "_batch", batch)
    settings = Detect(min_area=0)
    parts = detector(Plain((labels > 0).astype(np.float32)), 128, tta, settings)
    assert len(parts) == 6
    found = stitch(parts, Window.whole(labels.shape), threshold=0.5, same=0.5)
    assert found.labels.max() == 4
    score = score_image(labels, found.labels)
    assert score.counts["0.90"].ap == 1


def test_engine_rescales_boxes_and_tiles():
    part = detect.Detections(
        np.array([[10, 20, 30, 60]], np.float32),
        np.ones(1, np.float32),
        np.ones((1, 14, 14), np.float32),
        (0, 0, 100, 120),
    )
    (back,) = FAMILY.rescale([part], (100, 120), (50, 60))
    np.testing.assert_array_equal(back.boxes, [[5, 10, 15, 30]])
    assert back.tile == (0, 0, 50, 60)
    labels = FAMILY.decode([back], Window.whole((50, 60)), Detect(min_area=0)).labels
    assert np.argwhere(labels).min(0).tolist() == [5, 10]
    assert np.argwhere(labels).max(0).tolist() == [14, 29]


def test_the_edge_of_a_zoomed_image_stays_the_edge():
    # 101 px at half size are 50: the last tile ends at 101 px, not at 100.
    part = detect.Detections(
        np.array([[48.5, 10, 50, 20]], np.float32),
        np.ones(1, np.float32),
        np.ones((1, 14, 14), np.float32),
        (0, 0, 50, 60),
    )
    (back,) = FAMILY.rescale([part], (50, 60), (101, 120))
    assert back.tile == (0, 0, 101, 120)
    labels = FAMILY.decode([back], Window.whole((101, 120)), Detect(min_area=0)).labels
    assert labels[-1].any()
