"""FPN2-WS: a normalised distance map and a blurred border map, joined by a seeded watershed.

Source: Zaki et al., "A Deep Learning Pipeline for Nucleus Segmentation" (2020), Methods.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nucseg_tf.families.dense import DenseFamily
from nucseg_tf.families.fpn2ws.config import GRID, Architecture, Decode
from nucseg_tf.types import Instances, Targets

if TYPE_CHECKING:
    import keras

    from nucseg_tf.config import Config
    from nucseg_tf.imaging.edges import Edges
    from nucseg_tf.imaging.window import Window

# What the network saw reduced is decoded at no more than this times its scale, for that takes less
# time and costs nothing; see docs/experiments.md. At its very scale outlines would be coarse.
FINEST = 1.5


class Fpn2Ws(DenseFamily):
    """See `Family` for what each of these is."""

    name = "fpn2ws"
    title = "FPN2-WS"
    published = ("FPN2-WS",)
    architecture = Architecture
    thresholds = Decode
    section = "decode"
    grid = GRID
    maps = ("distance", "border")
    losses = (*maps, "between")
    evidence = ("border",)

    def build(self, arch: Architecture, pretrained: bool = False) -> keras.Model:
        from nucseg_tf.families.fpn2ws.network import build

        return build(arch, pretrained)

    def encoder_layers(self, network: keras.Model) -> list[keras.layers.Layer]:
        from nucseg_tf.families.fpn2ws.network import encoder_layers

        return encoder_layers(network)

    def targets(self, config: Config) -> Targets:
        from nucseg_tf.families.fpn2ws.targets import roi_targets

        size, shoulder = config.data.roi, config.data.shoulder
        shapes = {"maps": ((size, size, 2), np.float32), "valid": ((size, size, 1), np.float32)}
        return Targets(lambda labels: roi_targets(labels, shoulder), shapes, planes=self.maps)

    def loss_parts(
        self, network: keras.Model, outputs: Any, targets: dict, weights: tuple[float, ...] = ()
    ) -> dict[str, Any]:
        from nucseg_tf.families.fpn2ws.losses import losses

        return losses(outputs, targets, weights)

    def counted(self, targets: dict) -> dict[str, Any]:
        from keras import ops

        return dict.fromkeys(self.losses, ops.sum(targets["valid"]))

    def decode(self, raw: np.ndarray, window: Window, thresholds: Decode) -> Instances:
        """Decoded at the image's size, or at `FINEST` times the network's where that is less."""
        from nucseg_tf.families.fpn2ws.decode import decode
        from nucseg_tf.imaging.enlarge import enlarge_labels
        from nucseg_tf.imaging.tidy import tidy

        height, width = (
            min(length, round(FINEST * seen))
            for length, seen in zip(window.image, raw.shape[:2], strict=True)
        )
        if (height, width) == window.image:
            return decode(self.maps_of(raw, window), thresholds)
        seen = window.scaled((height, width))
        found = decode(self.maps_of(raw, seen), thresholds.at(window.image[0] / height))
        return tidy(enlarge_labels(found.labels, seen, window), found.scores)

    def evidence_of(
        self, raw: np.ndarray, window: Window, edges: Edges, nuclei: int
    ) -> dict[str, np.ndarray]:
        from nucseg_tf.families.fpn2ws.decode import border_evidence

        border = self.maps_of(raw[..., 1:], window)[..., 0]
        return {"border": border_evidence(border, edges, nuclei)}


FAMILY = Fpn2Ws()
