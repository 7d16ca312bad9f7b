"""A model family in a package of its own: bright pixels are nuclei, and the network learns how
bright."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from nucseg_tf import schema
from nucseg_tf.config import Config
from nucseg_tf.families.dense import DenseFamily
from nucseg_tf.types import Instances, Targets


class Architecture(schema.Architecture):
    """One convolution of one pixel: encoder and filters mean nothing."""

    family: Literal["toy"] = "toy"
    sharpness: float = 8.0


class Brightness(schema.Thresholds):
    """From which probability a pixel is nucleus."""

    bright: schema.Fraction = 0.9


class Toy(DenseFamily):
    """See `Family` for what each of these is."""

    name = "toy"
    title = "Toy that thresholds"
    architecture = Architecture
    thresholds = Brightness
    section = "brightness"
    grid = {"bright": (0.2, 0.5, 0.8), "min_area": (0, 12)}  # noqa: RUF012
    losses = ("mask",)
    maps = ("nucleus",)
    evidence = ("evenness",)

    def build(self, arch: Architecture, pretrained: bool = False):
        import keras

        image = keras.layers.Input((None, None, 1))
        start = keras.initializers.Constant(arch.sharpness)
        maps = keras.layers.Conv2D(1, 1, activation="sigmoid", kernel_initializer=start)(image)
        return keras.Model(image, maps)

    def encoder_layers(self, network) -> list:
        return []

    def targets(self, config: Config) -> Targets:
        shape = (config.data.roi, config.data.roi, 1)

        def encode(labels: np.ndarray) -> tuple[np.ndarray, ...]:
            return tuple(mask.astype(np.float32)[..., None] for mask in (labels > 0, labels >= 0))

        return Targets(encode, {"nuclei": (shape, np.float32), "valid": (shape, np.float32)})

    def loss_parts(self, network, outputs, targets: dict, weights=()) -> dict[str, Any]:
        from keras import ops

        from nucseg_tf.layers.losses import mean_over

        nuclei, valid = targets["nuclei"][..., 0], targets["valid"][..., 0]
        entropy = ops.binary_crossentropy(nuclei, outputs[..., 0])
        return {"mask": (weights or (1.0,))[0] * mean_over(entropy, valid)}

    def decode(self, raw: np.ndarray, window, thresholds: Brightness) -> Instances:
        from nucseg_tf.imaging.components import components, keep_areas

        labels, _ = components(self.maps_of(raw, window)[..., 0] > thresholds.bright)
        labels = keep_areas(labels, thresholds.min_area, thresholds.max_area)
        return Instances(labels, np.ones(labels.max(initial=0), np.float32))

    def evidence_of(self, raw: np.ndarray, window, edges, nuclei: int) -> dict[str, np.ndarray]:
        return {"evenness": np.arange(1.0, nuclei + 1)}


FAMILY = Toy()
