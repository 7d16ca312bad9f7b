"""Mask R-CNN: proposals, boxes and masks of nuclei; a file for each of its concepts.

Raster: He et al., "Mask R-CNN" (2017); Zaki et al. (2020), Methods, for nuclei.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nucseg_tf.engines.base import Compiled, Parts
from nucseg_tf.families.base import Family, Run
from nucseg_tf.families.mask_rcnn import config as settings
from nucseg_tf.families.mask_rcnn.config import GRID, LEAST_SCORE, Architecture, Detect
from nucseg_tf.types import Instances, Targets

if TYPE_CHECKING:
    import keras

    from nucseg_tf.config import Config
    from nucseg_tf.families.mask_rcnn.paste import Detections
    from nucseg_tf.imaging.window import Window


class MaskRcnn(Family):
    """See `Family` for what each of these is; raw is a list of `Detections`, one a tile."""

    name = "mask_rcnn"
    title = "Mask R-CNN"
    published = ("MRCNN", "Mask R-CNN")
    architecture = Architecture
    thresholds = Detect
    section = "detect"
    grid = GRID
    losses = ("rpn_score", "rpn_box", "score", "box", "mask")
    tile = 512
    step = least_tile = context = 64
    sensible_tile = 256
    engines = ("keras", "openvino")
    coco = (
        "mask_rcnn_coco.h5",
        "https://github.com/matterport/Mask_RCNN/releases/tag/v2.0",
    )

    def check(self, config: Config) -> None:
        settings.check(config, config.model.detector)  # type: ignore[attr-defined]

    def build(self, arch: Architecture, pretrained: bool = False) -> keras.Model:
        from nucseg_tf.families.mask_rcnn.network import MaskRCNN

        return MaskRCNN(arch, pretrained)

    def encoder_layers(self, network: Any) -> list[keras.layers.Layer]:
        from nucseg_tf.families.mask_rcnn.network import encoder_layers

        return encoder_layers(network)

    def load_coco(self, network: keras.Model, file: Path) -> int:
        from nucseg_tf.families.mask_rcnn.coco import load_coco

        return load_coco(network, file)

    def targets(self, config: Config) -> Targets:
        from nucseg_tf.families.mask_rcnn.targets import boxes_of

        size, detector = config.data.roi, config.model.detector  # type: ignore[attr-defined]
        most = detector.most_nuclei
        shapes = {
            "boxes": ((most, 4), np.float32),
            "ids": ((most,), np.int32),
            "labels": ((size, size), np.int32),
        }
        # as many as there are anchors (of strides 4, 8, ...), or boxes to choose from
        anchors = len(detector.ratios) * (size // 4) ** 2 * 4 // 3
        noise = max(anchors, most + detector.train_proposals)
        return Targets(lambda labels: boxes_of(labels, most), shapes, noise)

    def loss_parts(
        self, network: Any, outputs: Any, targets: dict, weights: tuple[float, ...] = ()
    ) -> dict[str, Any]:
        found = network.losses_of(outputs, targets)
        weights = weights or (1.0,) * len(self.losses)
        return {
            name: found[name] * weight for name, weight in zip(self.losses, weights, strict=True)
        }

    def parts(self, network: Any) -> Parts:
        from nucseg_tf.families.mask_rcnn.parts import parts_of

        return parts_of(network)

    def runner(self, network: Compiled) -> Run:
        from nucseg_tf.families.mask_rcnn.detect import Detector

        return Detector(network)

    def widest(self, thresholds: Detect) -> Detect:
        return thresholds.model_copy(update={"score": min(thresholds.score, LEAST_SCORE)})

    def empty(self, shape: tuple[int, int]) -> list[Detections]:
        return []

    def rescale(
        self, raw: list[Detections], seen: tuple[int, int], shape: tuple[int, int]
    ) -> list[Detections]:
        from nucseg_tf.families.mask_rcnn.decode import rescale

        return rescale(raw, seen, shape)

    def decode(self, raw: list[Detections], window: Window, thresholds: Detect) -> Instances:
        from nucseg_tf.families.mask_rcnn.decode import decode

        return decode(raw, window, thresholds)


FAMILY = MaskRcnn()
