"""What the network for the diameter learns from: the share of nuclei in a cell, and their size.

S side of a ROI, C = S / STRIDE cells a side. It is trained as a model family is, but has no nuclei
of its own: `scripts/train_scale.py` registers it for the time of a training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nucseg_tf import schema
from nucseg_tf.engines.base import Compiled
from nucseg_tf.families.base import Family, Run
from nucseg_tf.scale.window import READABLE, STRIDE
from nucseg_tf.types import Instances, Targets

if TYPE_CHECKING:
    import keras

    from nucseg_tf.config import Config
    from nucseg_tf.imaging.window import Window


NO_NUCLEI = "it gives diameters; `scale.estimate` reads them, and nothing is decoded"


class Architecture(schema.Architecture):
    """There is one; encoder and filters say nothing."""

    family: Literal["scale"] = "scale"


def cell_targets(labels: np.ndarray, shoulder: int) -> tuple[np.ndarray, ...]:
    """Targets of one ROI.

    Args:
        labels: (S, S) int32, negative where nothing is known.
        shoulder: px at the edge in which nothing counts.

    Returns:
        (C, C) float32 each: the share of a cell that is nucleus; the mean of log2 of their
        diameters, px, in which every nucleus counts alike, large or small; the share that is of
        nuclei whose diameter is known, for those that the ROI cuts are not; the share of a cell
        that counts.
    """
    from nucseg_tf.data.roi import valid_mask, whole_nuclei

    valid = valid_mask(labels, shoulder)
    inside = (labels > 0) * valid
    areas = np.bincount(np.maximum(labels, 0).ravel())
    diameters = np.log2(np.clip(np.sqrt(4 / np.pi * np.maximum(areas, 1)), *READABLE))
    sized = inside * whole_nuclei(labels)
    each = sized / np.maximum(areas, 1)[np.maximum(labels, 0)]  # 1 over a whole nucleus
    logs = each * diameters[np.maximum(labels, 0)]
    share, known, counts, number, total = map(_cells, (inside, sized, valid, each, logs))
    size = total / np.maximum(number, 1e-9)
    return share, size, known, counts


def _cells(pixels: np.ndarray) -> np.ndarray:
    """Mean of each cell, (S, S) -> (C, C) float32."""
    count = len(pixels) // STRIDE
    return pixels.reshape(count, STRIDE, count, STRIDE).mean(axis=(1, 3)).astype(np.float32)


class Scale(Family):
    """See `Family` for what each of these is."""

    name = "scale"
    title = "diameter of nuclei"
    architecture = Architecture
    thresholds = schema.Thresholds
    section = "nothing"
    grid: dict = {}  # noqa: RUF012
    losses = ("nucleus", "diameter")

    def build(self, arch: Architecture, pretrained: bool = False) -> keras.Model:
        from nucseg_tf.scale.network import build

        return build()

    def encoder_layers(self, network: keras.Model) -> list[keras.layers.Layer]:
        return []

    def targets(self, config: Config) -> Targets:
        cells, shoulder = config.data.roi // STRIDE, config.data.shoulder
        names = ("share", "size", "known", "counts")
        shapes = dict.fromkeys(names, ((cells, cells), np.float32))
        return Targets(lambda labels: cell_targets(labels, shoulder), shapes)

    def loss_parts(
        self, network: keras.Model, outputs: Any, targets: dict, weights: tuple[float, ...] = ()
    ) -> dict[str, Any]:
        """Cross-entropy of the share; of the diameter the error with its doubt (Laplace)."""
        from keras import ops

        from nucseg_tf.layers.losses import mean_over

        share = ops.binary_crossentropy(targets["share"], outputs[..., 0], from_logits=True)
        doubt = ops.clip(outputs[..., 2], -4.0, 3.0)
        error = ops.abs(outputs[..., 1] - targets["size"]) * ops.exp(-doubt) + doubt
        weights = weights or (1.0, 1.0)
        return {
            "nucleus": weights[0] * mean_over(share, targets["counts"]),
            "diameter": weights[1] * mean_over(error, targets["known"]),
        }

    def runner(self, network: Compiled) -> Run:
        raise NotImplementedError(NO_NUCLEI)

    def empty(self, shape: tuple[int, int]) -> Any:
        raise NotImplementedError(NO_NUCLEI)

    def decode(self, raw: Any, window: Window, thresholds: Any) -> Instances:
        raise NotImplementedError(NO_NUCLEI)
