"""The parts that prediction is made of, by both engines."""

import keras
import numpy as np
import pytest

from nucseg_tf.engines.base import Compiled, Source
from nucseg_tf.engines.keras import Keras
from nucseg_tf.engines.openvino import OpenVino
from nucseg_tf.families.mask_rcnn import FAMILY, detect
from nucseg_tf.families.mask_rcnn.boxes import decode
from nucseg_tf.families.mask_rcnn.config import Architecture, Detect
from nucseg_tf.imaging.raster import Plain
from nucseg_tf.layers.pyramid import BOX_STRIDES, STRIDES
from nucseg_tf.models import zoo

SMALL = {"rpn_filters": 16, "box_units": 16, "mask_cells": 14}
SIZES = ((64, 128), (192, 64))
LOUDER = ("rpn_logits", "rpn_offsets", "box_logits", "box_offsets")  # random ones decide nothing


@pytest.fixture(scope="module", params=[8, 0], ids=["fine-masks", "as-published"])
def network(request):
    keras.utils.set_random_seed(2)
    detector = {**SMALL, "mask_filters": request.param}
    built = zoo.build(Architecture(encoder="mobilenetv2", filters=16, detector=detector))
    for layer in (*built.rpn.layers, *built.box_head.layers):
        if layer.name in LOUDER:
            layer.kernel.assign((8 if "logits" in layer.name else 300) * layer.kernel)
    return built


@pytest.fixture(scope="module")
def engines(network) -> tuple[Compiled, Compiled]:
    source = Source(lambda: network, split=FAMILY.parts)
    return Keras().compile(source), OpenVino().compile(source)


def tile(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height).random((1, height, width, 1), np.float32)


def some_boxes(height: int, width: int, count: int) -> np.ndarray:
    """Boxes of all sizes, so of all levels, (1, count, 4)."""
    rng = np.random.default_rng(count)
    ends = np.sort(rng.uniform(0, 1, (2, count, 2)), axis=0) * (height, width)
    return np.concatenate(ends, -1)[None].astype(np.float32)


def test_what_detection_knows_of_the_pyramid():
    assert [STRIDES[-1], len(BOX_STRIDES)] == [detect.STRIDE, detect.LEVELS]


@pytest.mark.parametrize("size", SIZES)
def test_parts_give_what_the_network_gives_on_both_engines(network, engines, size):
    image, rois = tile(*size), some_boxes(*size, count=23)
    outputs = network(image, training=False)
    moved = decode(outputs["rpn_offsets"], network.anchors(*size))
    logits, offsets = network.score_boxes(outputs["levels"], rois)
    masks = keras.ops.sigmoid(network.draw_masks(outputs["levels"], rois))
    for engine in engines:
        *levels, found, boxes = engine.parts["see"](image)
        np.testing.assert_allclose(found, outputs["rpn_logits"], atol=1e-3)
        np.testing.assert_allclose(boxes, moved, atol=1e-2)
        scores, better = engine.parts["score"](*levels[: detect.LEVELS], rois)
        np.testing.assert_allclose(scores, logits, atol=1e-3)
        np.testing.assert_allclose(better, decode(offsets, rois), atol=1e-2)
        drawn = engine.parts["draw"](*(levels[detect.LEVELS :] or levels), rois)
        np.testing.assert_allclose(drawn, masks, atol=1e-4)


def test_both_engines_detect_the_same(engines):
    image, settings = tile(150, 200)[0, ..., 0], Detect(score=0.3, overlap=0.2)
    first, second = (detect.Detector(each)(Plain(image), 128, 2, settings) for each in engines)
    assert len(first) == len(second) == 6
    assert sum(len(part.scores) for part in first) > 10
    for one, other in zip(first, second, strict=True):
        apart = np.abs(one.boxes[:, None] - other.boxes).max(-1)
        same = apart.argmin(1)  # scores that are all but equal may change places
        assert sorted(same) == [*range(len(other.scores))]
        assert apart.min(1).max() < 1e-2
        np.testing.assert_allclose(one.scores, other.scores[same], atol=1e-3)
        np.testing.assert_allclose(one.masks, other.masks[same], atol=1e-3)
        assert one.tile == other.tile
