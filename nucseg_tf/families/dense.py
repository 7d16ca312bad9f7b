"""What families have in common whose networks give maps: tiles, blended; means over views.

H rows, W columns, K maps.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nucseg_tf.engines.base import Compiled
from nucseg_tf.families.base import Family, Run

HALO = 128  # px on each side; see docs/prediction.md for how tiled and whole compare
ENGINES = ("keras", "openvino")  # any that gives maps of a batch


class DenseFamily(Family):
    """A family whose network gives maps of the image's size, which may be averaged and resized.

    Attributes:
        maps: names of the K maps.
    """

    maps: tuple[str, ...]
    least_tile = 2 * HALO
    engines = ENGINES

    def runner(self, network: Compiled) -> Run:
        """Maps (H, W, K), the mean over symmetries of the square, each turned back."""
        from nucseg_tf.imaging.symmetry import turn, turn_back
        from nucseg_tf.imaging.tiling import predict_maps

        def run(image: np.ndarray, tile: int, tta: int, _thresholds: Any) -> np.ndarray:
            total = predict_maps(network, image, tile, HALO)
            for number in range(1, tta):
                turned = turn(image, number)
                total = total + turn_back(predict_maps(network, turned, tile, HALO), number)
            return total / tta

        return run

    def empty(self, shape: tuple[int, int]) -> np.ndarray:
        """Maps of 0."""
        return np.zeros((*shape, len(self.maps)), np.float32)

    def rescale(self, raw: np.ndarray, shape: tuple[int, int], zoom: float) -> np.ndarray:
        """Maps resized bilinearly."""
        import cv2

        resized = cv2.resize(raw, shape[::-1], interpolation=cv2.INTER_LINEAR)
        return resized.reshape(*shape, -1)  # OpenCV drops an axis of one map
