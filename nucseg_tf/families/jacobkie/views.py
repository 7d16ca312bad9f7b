"""Views of one image: zoomed and turned, predicted and decoded each, then combined by nucleus.

Maps with jumps must not be blurred: so views are not averaged, and their labels are resized, not
their maps. H rows, W columns; h, w those of a view.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from nucseg_tf.engines.base import Compiled
from nucseg_tf.families.base import Run
from nucseg_tf.families.dense import HALO
from nucseg_tf.families.jacobkie.config import Positions
from nucseg_tf.families.jacobkie.decode import combine, decode
from nucseg_tf.imaging.symmetry import turn, turn_back
from nucseg_tf.imaging.tiling import predict_maps, resize
from nucseg_tf.types import Instances


@dataclass(frozen=True)
class View:
    """What the network gives of an image zoomed and turned: maps (h, w, 5), and how turned."""

    maps: np.ndarray
    symmetry: int


def runner(network: Compiled) -> Run:
    """Views at all zooms, each in the first `tta` symmetries of the square."""

    def run(image: np.ndarray, tile: int, tta: int, thresholds: Positions) -> list[View]:
        views = []
        for zoom in sorted(thresholds.zooms):
            zoomed = resize(image, zoom)
            for number in range(tta):
                maps = predict_maps(network, turn(zoomed, number), tile, HALO)
                views.append(View(maps, number))
        return views

    return run


def decode_views(views: Sequence[View], shape: tuple[int, int], thresholds: Positions) -> Instances:
    """The nuclei of an image (H, W)."""
    decoded = [Instances(np.zeros(shape, np.int32), np.zeros(0, np.float32))]
    for view in views:
        found = decode(view.maps, thresholds)
        labels = turn_back(found.labels, view.symmetry)
        if labels.shape != shape:
            labels = np.ascontiguousarray(labels)
            labels = cv2.resize(labels, shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
        decoded.append(Instances(labels, found.scores))
    return combine(decoded, thresholds)
