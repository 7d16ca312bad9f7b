"""What families have in common whose networks give maps: tiles, blended; means over views.

H rows, W columns, K maps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nucseg_tf.engines.base import Compiled
from nucseg_tf.families.base import Family, Run

if TYPE_CHECKING:
    from nucseg_tf.imaging.raster import Raster
    from nucseg_tf.imaging.window import Window

HALO = 128  # px on each side; docs/prediction.md says how tiled and whole compare
ENGINES = ("keras", "openvino")  # any that gives maps of a batch


class DenseFamily(Family):
    """A family whose network gives maps of its input's size, which may be averaged and resized.

    What is given of an image are its maps (h, w, K), at the scale that the network saw.
    """

    context = HALO
    least_tile = 2 * HALO
    engines = ENGINES

    def runner(self, network: Compiled) -> Run:
        """Maps (h, w, K), the mean over symmetries of the square, each turned back."""
        from nucseg_tf.imaging.tiling import predict_maps

        def run(raster: Raster, tile: int, tta: int, _thresholds: Any) -> np.ndarray:
            return predict_maps(network, raster, tile, HALO, tta)

        return run

    def empty(self, shape: tuple[int, int]) -> np.ndarray:
        """Maps of 0, at the smallest of scales."""
        return np.zeros((1, 1, len(self.maps)), np.float32)

    def maps_of(self, raw: np.ndarray, window: Window) -> np.ndarray:
        """The maps of a window of the image, or of it at another size, (h, w, K)."""
        from nucseg_tf.imaging.resample import needed, resample
        from nucseg_tf.imaging.scratch import cut

        if raw.shape[:2] == window.image:
            return cut(raw, window.slices)
        of = needed(window, (raw.shape[0], raw.shape[1]), "linear")
        return resample(cut(raw, of.slices), of, window, "linear")
