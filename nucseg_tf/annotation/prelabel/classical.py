"""Nuclei without a network: background, threshold, holes, watershed of distances, size limits.

The steps are those of the KNIME workflow of Zaki et al. (2020), with the care for uneven light and
uneven nuclei that `foreground` takes. Letters: H rows, W columns. Constants without a source were
chosen on training fields of the 2018 Data Science Bowl.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage
from skimage.morphology import local_maxima, reconstruction
from skimage.segmentation import watershed

from nucseg_tf.annotation.prelabel.foreground import (
    THRESHOLDS,
    Prepared,
    blur,
    prepare,
    weighted_median,
)
from nucseg_tf.errors import UsageError
from nucseg_tf.imaging.components import components, keep_areas

DISTANCE_SMOOTHING = 0.05  # diameters; ripples of an outline make no second nucleus
SADDLE = 0.025  # diameters, by which distances rise above the saddle between two nuclei
LEAST_AREA = 10  # px
LEAST_SHARE = 0.1  # of the typical area
LARGEST_HOLE = 0.02  # squared diameters
DARKEST_HOLE = 0.5  # of the threshold


@dataclass(frozen=True)
class Classical:
    """What can be chosen.

    Attributes:
        threshold: "local" or "otsu".
        diameter: typical nucleus, px; measured in the field without.
        min_area: px; a tenth of the typical area of the field, but no less than 10, without.
        max_area: px; no limit without.
    """

    threshold: str = "local"
    diameter: float | None = None
    min_area: int | None = None
    max_area: int | None = None

    def __post_init__(self) -> None:
        if self.threshold not in THRESHOLDS:
            raise UsageError(
                f"--threshold: expected {' or '.join(THRESHOLDS)}. Received: {self.threshold!r}"
            )
        if self.diameter is not None and not 0 < self.diameter < np.inf:
            raise UsageError(f"--diameter: expected a positive number. Received: {self.diameter}.")


def segment(image: np.ndarray, settings: Classical | None = None) -> np.ndarray:
    """Find nuclei.

    Args:
        image: (H, W), any real dtype, finite.
        settings: thresholds and limits.

    Returns:
        (H, W) int32, 0 background, 1..N in reading order.
    """
    settings = settings or Classical()
    return cut(prepare(image, settings.threshold, settings.diameter), settings)


def cut(prepared: Prepared, settings: Classical, factor: float = 1.0) -> np.ndarray:
    """Cut a prepared field into nuclei, at `factor` times its threshold; see `segment`."""
    mask = prepared.signal > factor * prepared.threshold
    filled = _fill_holes(mask, prepared)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    opened = cv2.morphologyEx(filled, cv2.MORPH_OPEN, cross)
    labels = split(opened > 0, prepared.diameter)
    smallest = settings.min_area
    if smallest is None:
        smallest = max(LEAST_AREA, round(LEAST_SHARE * _typical_area(labels)))
    return keep_areas(labels, smallest, settings.max_area or 0)


def _fill_holes(mask: np.ndarray, prepared: Prepared) -> np.ndarray:
    """Fill holes that are small, or nowhere dark; others are gaps between nuclei of a colony."""
    numbers, count = components(ndimage.binary_fill_holes(mask) & ~mask)
    areas = np.bincount(numbers.ravel(), minlength=count + 1)
    above = np.full(count + 1, np.inf)
    np.minimum.at(above, numbers, prepared.signal - DARKEST_HOLE * prepared.threshold)
    fill = (areas <= LARGEST_HOLE * prepared.diameter**2) | (above >= 0)
    fill[0] = False
    return (mask | fill[numbers]).astype(np.uint8)


def split(mask: np.ndarray, diameter: float) -> np.ndarray:
    """Split touching nuclei: a watershed of the distances to the edge.

    A maximum of the distances is a nucleus of its own if it rises by SADDLE diameters above the
    pass to a higher one (h-maxima; Soille 2003, "Morphological Image Analysis", section 6.3).

    Args:
        mask: (H, W) bool.
        diameter: of a typical nucleus, px.

    Returns:
        (H, W) int32, labels 1..N on all of the mask.
    """
    if not mask.any():
        return np.zeros(mask.shape, np.int32)
    # A nucleus cut by the edge of the image goes on beyond it, so that edge is none of its own.
    distance = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    distance = np.where(mask, blur(distance, DISTANCE_SMOOTHING * diameter), 0)
    seeds = _peaks(distance, SADDLE * diameter)
    labels = watershed(-distance, seeds, mask=mask)
    # No peak is left to what is small, or hangs on by a corner; it is a nucleus all the same.
    rest, _ = components(mask & (labels == 0))
    return np.where(rest > 0, rest + labels.max(), labels).astype(np.int32)


def _peaks(distance: np.ndarray, rise: float) -> np.ndarray:
    """Number the maxima of (H, W) distances that rise far enough above the pass to a higher one.

    Most pieces have a single maximum, and nothing to decide. Only the others are flattened, each in
    its box, because that sorts pixels and would take most of the time on the whole field.
    """
    pieces, count = components(distance > 0, connectivity=8)
    maxima, _ = components(local_maxima(distance) & (distance > 0), connectivity=8)
    numbers, first = np.unique(maxima, return_index=True)
    several = np.bincount(pieces.ravel()[first[numbers > 0]], minlength=count + 1) > 1
    for number, box in enumerate(ndimage.find_objects(pieces), start=1):
        if not several[number]:
            continue
        inside = pieces[box] == number
        height = np.where(inside, distance[box], 0)
        flat = reconstruction(np.maximum(height - rise, 0), height).astype(np.float32)
        maxima[box][inside] = (local_maxima(flat) & inside)[inside]
    return components(maxima > 0, connectivity=8)[0]


def _typical_area(labels: np.ndarray) -> float:
    """The area that half of all nucleus pixels do not exceed in theirs, px; 0 without nuclei."""
    areas = np.sort(np.bincount(labels.ravel())[1:])
    return float(weighted_median(areas, areas)) if areas.any() else 0.0
