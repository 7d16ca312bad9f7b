"""Four real ROIs, learned by heart: everything from targets to stitching has to be right."""

import keras
import numpy as np
import pytest

from nucseg_tf.config import SHIPPED as CONFIGS
from nucseg_tf.config import load_config
from nucseg_tf.data.fields import load_field
from nucseg_tf.data.manifest import find_fields
from nucseg_tf.engines.base import Source
from nucseg_tf.engines.keras import Keras
from nucseg_tf.evaluation.scores import score_image
from nucseg_tf.families.mask_rcnn import FAMILY
from nucseg_tf.families.mask_rcnn.config import Detect
from nucseg_tf.families.mask_rcnn.detect import Detector
from nucseg_tf.imaging.normalise import normalise
from nucseg_tf.imaging.raster import Plain
from nucseg_tf.imaging.window import Window
from nucseg_tf.training.initialise import initialise
from nucseg_tf.training.trainer import Trainable

SIDE, STEPS = 128, 250


def rois(folder) -> list[tuple[np.ndarray, np.ndarray]]:
    """The middles of the first four fields that have at least five nuclei there."""
    found = []
    for field in find_fields(folder / "train"):
        pixels, labels = load_field(field, None, None)
        y, x = ((length - SIDE) // 2 for length in labels.shape)
        window = (slice(y, y + SIDE), slice(x, x + SIDE))
        roi = labels[window].astype(np.int32)
        slivers = np.bincount(roi.ravel()) < Detect().min_area  # what the window's edge leaves
        roi[slivers[roi]] = 0
        if len(np.unique(roi)) > 5:
            found.append((normalise(pixels, 1.0, 99.8)[window], roi))
        if len(found) == 4:
            return found
    raise AssertionError("too few fields")


@pytest.mark.slow
@pytest.mark.data
def test_four_real_rois_are_learned_by_heart(dsb2018):
    keras.utils.set_random_seed(1)
    config = load_config(CONFIGS / "mask_rcnn.yaml", (f"data.roi={SIDE}",))
    network, _ = initialise(config.model, "fpn2ws-nuclei")
    pairs, targets = rois(dsb2018), FAMILY.targets(config)
    images = np.stack([image for image, _ in pairs])[..., None].astype(np.float32)
    arrays = [targets.encode(labels) for _, labels in pairs]
    batch = {n: np.stack(a) for n, a in zip(targets.shapes, zip(*arrays, strict=True), strict=True)}
    model = Trainable(network, FAMILY)
    rate = keras.optimizers.schedules.CosineDecay(1e-3, STEPS)
    model.compile(optimizer=keras.optimizers.Adam(rate))
    rng = np.random.default_rng(0)
    for _ in range(STEPS):
        noise = rng.random((4, targets.noise), np.float32)
        model.train_on_batch(images, {**batch, "noise": noise})
    for layer in network._flatten_layers():  # what was seen is what is shown: no averages needed
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.5
    for _ in range(8):
        network(images, training=True)
    detector = Detector(Keras().compile(Source(lambda: network, split=FAMILY.parts)))
    for image, (_, labels) in zip(images, pairs, strict=True):
        parts = detector(Plain(image[..., 0]), SIDE * 2, 1, Detect())
        found = FAMILY.decode(parts, Window.whole(labels.shape), Detect()).labels
        assert score_image(labels, found).counts["0.50"].ap == 1.0
