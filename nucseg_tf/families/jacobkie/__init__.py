"""In the style of Jacobkie: nuclei and, per pixel, the relative position inside its nucleus.

Source: Zaki et al. (2020), "Jacobkie" (second place of the 2018 Data Science Bowl). Written anew
from that description; neither code nor weights are the original's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nucseg_tf.engines.base import Compiled
from nucseg_tf.families.base import Family, Run
from nucseg_tf.families.dense import ENGINES, HALO
from nucseg_tf.families.jacobkie.config import GRID, Architecture, Positions
from nucseg_tf.types import Instances, Targets

if TYPE_CHECKING:
    import keras

    from nucseg_tf.config import Config
    from nucseg_tf.families.jacobkie.views import View
    from nucseg_tf.imaging.window import Window

# Where nuclei have the size that the model knows, coarser views add nothing, and neither do much
# finer ones; see docs/experiments.md.
FINEST = 2.0


class Jacobkie(Family):
    """See `Family` for what each of these is; raw is a list of `View`."""

    name = "jacobkie"
    title = "Jacobkie style (written anew, not the original weights)"
    published = ("Jacobkie",)
    architecture = Architecture
    thresholds = Positions
    section = "positions"
    grid = GRID
    maps = ("mask", "down", "right", "down_right", "down_left")
    context = HALO
    losses = ("mask", "position")
    least_tile = 2 * HALO
    engines = ENGINES

    def build(self, arch: Architecture, pretrained: bool = False) -> keras.Model:
        from nucseg_tf.families.jacobkie.network import build

        return build(arch, pretrained)

    def encoder_layers(self, network: keras.Model) -> list[keras.layers.Layer]:
        from nucseg_tf.families.jacobkie.network import encoder_layers

        return encoder_layers(network)

    def targets(self, config: Config) -> Targets:
        from nucseg_tf.families.jacobkie.targets import roi_targets

        size, shoulder = config.data.roi, config.data.shoulder
        shapes = {
            "maps": ((size, size, 5), np.float32),
            "whole": ((size, size, 1), np.float32),
            "valid": ((size, size, 1), np.float32),
        }
        return Targets(lambda labels: roi_targets(labels, shoulder), shapes)

    def loss_parts(
        self, network: keras.Model, outputs: Any, targets: dict, weights: tuple[float, ...] = ()
    ) -> dict[str, Any]:
        from nucseg_tf.families.jacobkie.losses import losses

        return losses(outputs, targets, weights)

    def counted(self, targets: dict) -> dict[str, Any]:
        from keras import ops

        valid = targets["valid"]
        return {"mask": ops.sum(valid), "position": ops.sum(valid * targets["whole"])}

    def runner(self, network: Compiled) -> Run:
        from nucseg_tf.families.jacobkie.views import runner

        return runner(network)

    def empty(self, shape: tuple[int, int]) -> list[View]:
        return []

    def at_scale(self, thresholds: Positions) -> Positions:
        """Zooms from 1 to `FINEST`, if there are any: the others look for nuclei of other sizes."""
        near = tuple(zoom for zoom in thresholds.zooms if 1 <= zoom <= FINEST)
        return thresholds.model_copy(update={"zooms": near or thresholds.zooms})

    def decode(self, raw: list[View], window: Window, thresholds: Positions) -> Instances:
        """Views are resized once decoded, so that no jump of a map is blurred."""
        from nucseg_tf.families.jacobkie.views import decode_views

        return decode_views(raw, window, thresholds)


FAMILY = Jacobkie()
