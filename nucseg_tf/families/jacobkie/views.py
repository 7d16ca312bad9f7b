"""Views of one image: zoomed and turned, predicted and decoded each, then combined by nucleus.

Maps with jumps must not be blurred: so views are not averaged, and their labels are resized, not
their maps. H rows, W columns of the image, or of a window of it; h, w those of a view.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nucseg_tf.engines.base import Compiled
from nucseg_tf.families.base import Run
from nucseg_tf.families.dense import HALO
from nucseg_tf.families.jacobkie.config import Positions
from nucseg_tf.families.jacobkie.decode import combine, decode
from nucseg_tf.imaging.raster import Raster, Resized, Turned
from nucseg_tf.imaging.resample import scaled_shape
from nucseg_tf.imaging.scratch import cut
from nucseg_tf.imaging.symmetry import turn, turn_back
from nucseg_tf.imaging.tiling import predict_maps
from nucseg_tf.imaging.window import Window
from nucseg_tf.types import Instances


@dataclass(frozen=True)
class View:
    """What the network gives of an image zoomed and turned: maps (h, w, 5), and how turned."""

    maps: np.ndarray
    symmetry: int


def runner(network: Compiled) -> Run:
    """Views at all zooms, each in the first `tta` symmetries of the square."""

    def run(raster: Raster, tile: int, tta: int, thresholds: Positions) -> list[View]:
        views = []
        for zoom in sorted(thresholds.zooms):
            zoomed = Resized(raster, scaled_shape(raster.shape, zoom))
            for number in range(tta):
                maps = predict_maps(network, Turned(zoomed, number), tile, HALO)
                views.append(View(maps, number))
        return views

    return run


def decode_views(views: Sequence[View], window: Window, thresholds: Positions) -> Instances:
    """The nuclei of a window (H, W) of the image."""
    decoded = [Instances(np.zeros(window.shape, np.int32), np.zeros(0, np.float32))]
    for view in views:
        maps = turn_back(view.maps, view.symmetry)  # where pixels lie, not what the maps say
        seen = window.scaled((maps.shape[0], maps.shape[1]))
        part = np.ascontiguousarray(turn(cut(maps, seen.slices), view.symmetry))
        found = decode(part, thresholds)
        labels = turn_back(found.labels, view.symmetry)
        decoded.append(Instances(_resized(labels, seen, window), found.scores))
    return combine(decoded, thresholds)


def _resized(labels: np.ndarray, of: Window, window: Window) -> np.ndarray:
    """The labels (h, w) of a window of a view at the image's size, by nearest neighbours."""
    if of.image == window.image:
        return labels
    rows, columns = (
        ((2 * np.arange(low, high) + 1) * seen // (2 * length)) - first
        for low, high, seen, length, first in (
            (window.top, window.bottom, of.image[0], window.image[0], of.top),
            (window.left, window.right, of.image[1], window.image[1], of.left),
        )
    )
    return labels[np.ix_(rows, columns)]
