"""Channels beside the nuclei, from the labels of the nuclei.

N cells; H rows and W columns of a field. Light is in the units of `optics`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from nucseg_tf.data.simulate.cell_lines import CellLine
from nucseg_tf.data.simulate.optics import photograph

REACH = (0.8, 1.4)  # of the cytoplasm around a nucleus, in its typical radii: full, and none left
NEGATIVE = 0.03  # light of nuclei without EdU


@dataclass(frozen=True)
class Cells:
    """What is known of the cells of a field, in the order of their labels.

    Attributes:
        ratio: (N,) of the reporter, nucleus to cytoplasm.
        level: (N,) of the reporter in both, their mean; 1 is typical.
        positive: (N,) bool, whether the nucleus has EdU.
    """

    ratio: np.ndarray
    level: np.ndarray
    positive: np.ndarray


def draw_reporter(
    rng: np.random.Generator, labels: np.ndarray, cells: Cells, line: CellLine
) -> np.ndarray:
    """A protein in nuclei and the cytoplasm around them.

    Args:
        rng: random numbers.
        labels: (H, W) int32.
        cells: its ratio and level count.
        line: the cell line.

    Returns:
        (H, W) uint16.
    """
    outside = 2 * cells.level / (1 + cells.ratio)
    light = _by_label(cells.ratio * outside, labels)
    nearest, distance = _nearest(labels)
    full, none = (share * math.sqrt(line.area / math.pi) for share in REACH)
    ring = np.clip((none - distance) / (none - full), 0, 1)
    light += np.where(labels > 0, 0, ring * _by_label(outside, nearest))
    return _take(rng, light, line)


def draw_edu(
    rng: np.random.Generator, labels: np.ndarray, cells: Cells, line: CellLine
) -> np.ndarray:
    """A stain of some nuclei: (H, W) uint16; arguments as of `draw_reporter`."""
    return _take(rng, _by_label(np.where(cells.positive, cells.level, NEGATIVE), labels), line)


def _take(rng: np.random.Generator, light: np.ndarray, line: CellLine) -> np.ndarray:
    return photograph(rng, cv2.GaussianBlur(light, (0, 0), line.blur), line)


def _by_label(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(H, W) float32: the value of each pixel's label, 0 in the background."""
    return np.concatenate([[0], values]).astype(np.float32)[labels]


def _nearest(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The label nearest to each pixel, and the distance to it in px; no labels, no distance."""
    if not labels.any():
        return labels, np.full(labels.shape, np.inf, np.float32)
    away = (labels == 0).astype(np.uint8)
    distance, places = cv2.distanceTransformWithLabels(
        away, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    owners = np.zeros(int(places.max()) + 1, labels.dtype)
    inside = labels > 0
    owners[places[inside]] = labels[inside]
    return owners[places], distance
