"""The ROIs that validate a training: always the same, spread over all fields. S side, px."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from nucseg_tf.config import Config
from nucseg_tf.data.pipeline import to_batch
from nucseg_tf.data.roi import read_roi
from nucseg_tf.data.sample import Sample
from nucseg_tf.io.boxes import shape_of


def validation_dataset(samples: Sequence[Sample], config: Config, limit: int = 160):
    """Fixed ROIs without augmentation, spread over what is known of all fields.

    They are at the scale of prediction.

    Args:
        samples: fields in memory.
        config: sizes.
        limit: number of ROIs at most.

    Returns:
        Dataset as of `training_dataset`, cached and finite.
    """
    size = config.data.roi
    places = []
    zooms = [_zoom(sample, config) for sample in samples]
    for number, sample in enumerate(samples):
        for region in sample.regions or [(0, 0, *sample.image.shape)]:
            steps = [max(1, -(-round(n * zooms[number]) // size)) for n in shape_of(region)]
            for row in np.linspace(0, 1, steps[0]) if steps[0] > 1 else [0.5]:
                for column in np.linspace(0, 1, steps[1]) if steps[1] > 1 else [0.5]:
                    places.append((number, region, (float(row), float(column))))
    chosen = [
        places[i] for i in np.linspace(0, len(places) - 1, min(limit, len(places)), dtype=int)
    ]

    targets = config.family.targets(config)
    noise = np.random.default_rng(0)

    def rois():
        for number, region, position in chosen:
            image, labels = read_roi(samples[number], position, zooms[number], size, region)
            arrays = targets.encode(labels)
            image, found = to_batch(tf.constant(image[..., None]), arrays, targets.shapes, size)
            if targets.noise:
                found["noise"] = noise.random(targets.noise, np.float32)
            yield image, found

    signature = (
        tf.TensorSpec((size, size, 1), tf.float32),
        {name: tf.TensorSpec(shape, dtype) for name, (shape, dtype) in targets.shapes.items()},
    )
    if targets.noise:
        signature[1]["noise"] = tf.TensorSpec((targets.noise,), tf.float32)
    found = tf.data.Dataset.from_generator(rois, output_signature=signature)
    found = found.apply(tf.data.experimental.assert_cardinality(len(chosen)))
    return found.batch(config.training.batch).cache()


def _zoom(sample: Sample, config: Config) -> float:
    """The field's own scale, or the one that prediction brings it to."""
    if not config.data.find_diameter or not sample.diameter:
        return 1.0
    return config.data.middle / sample.diameter
