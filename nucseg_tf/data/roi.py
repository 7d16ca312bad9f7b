"""One region of interest (ROI): where it lies in its field, how it is cut out, what counts in it.

H rows, W columns of a field; S side of a ROI, px.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from nucseg_tf.data.sample import Sample
from nucseg_tf.io.boxes import shape_of
from nucseg_tf.types import IGNORED, Box


def zoom_limits(
    sample: Sample, zoom: tuple[float, float], diameter: tuple[float, float], size: int
) -> tuple[float, float]:
    """The part of the range of zooms that suits a field.

    The median nucleus stays within `diameter` px, and the window of `size` px reaches over a
    small field by a quarter of its side at most, for mirrored pixels teach nothing.
    """
    low, high = zoom
    low = max(low, size / (1.25 * min(sample.image.shape)))
    if sample.diameter:
        low = max(low, diameter[0] / sample.diameter)
        high = min(high, diameter[1] / sample.diameter)
    low, high = min(low, zoom[1]), max(high, zoom[0])
    return (low, max(low, high))


def choose_region(sample: Sample, position: tuple[float, float]) -> tuple[Box, tuple[float, float]]:
    """The region of a field that a place in [0, 1] x [0, 1] falls to, and the place in there.

    The rows are divided among the regions by their areas: a place drawn for the whole field is
    drawn for one of them and in it, without another draw.
    """
    if not sample.regions:
        return (0, 0, *sample.image.shape), position
    areas = np.array([math.prod(shape_of(region)) for region in sample.regions])
    ends = np.cumsum(areas) / areas.sum()
    number = min(int(np.searchsorted(ends, position[0], side="right")), len(ends) - 1)
    first = ends[number - 1] if number else 0.0
    row = float((position[0] - first) / (ends[number] - first))
    return sample.regions[number], (row, position[1])


def read_roi(
    sample: Sample,
    position: tuple[float, float],
    zoom: float,
    size: int,
    region: Box | None = None,
):
    """Cut a window, resized to (size, size), out of a field.

    It lies in a region or, where it is larger, around it, for elsewhere nothing is known. A field
    smaller than the window is mirrored; there the labels are `IGNORED`.

    Args:
        sample: the field.
        position: of the window in its free range, [0, 1] each (row, column).
        zoom: > 1 enlarges.
        size: S, px.
        region: of the field; without, `position` chooses it.

    Returns:
        (S, S) float32 image and (S, S) int32 labels.
    """
    side = max(round(size / zoom), 1)
    if region is None:
        region, position = choose_region(sample, position)
    slices, padding = [], []
    for axis, (length, where) in enumerate(zip(sample.image.shape, position, strict=True)):
        free = length - side
        inside = sorted((region[axis], region[axis + 2] - side))
        first, last = np.clip(inside, 0, max(free, 0))
        start = round(float(first + where * (last - first)))
        slices.append(slice(start, start + side))
        before = round(where * max(-free, 0))
        padding.append((before, max(-free, 0) - before))
    window = tuple(slices)
    image: np.ndarray = sample.image[window].astype(np.float32)
    labels: np.ndarray = sample.labels[window].astype(np.int32)
    if any(before or after for before, after in padding):
        image = np.pad(image, padding, "symmetric")
        labels = np.pad(labels, padding, constant_values=IGNORED)
    if side != size:
        shrink = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
        image = cv2.resize(image, (size, size), interpolation=shrink)
        labels = cv2.resize(labels, (size, size), interpolation=cv2.INTER_NEAREST_EXACT)
    return image, labels


def valid_mask(labels: np.ndarray, shoulder: int) -> np.ndarray:
    """Where targets count: inside the shoulder, and not in or beside padding. (S, S) float32."""
    known: np.ndarray = np.ones(labels.shape, np.uint8)
    known[labels == IGNORED] = 0
    if shoulder:
        known = cv2.copyMakeBorder(known, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
        square = np.ones((2 * shoulder + 1, 2 * shoulder + 1), np.uint8)
        known = cv2.erode(known, square)[1:-1, 1:-1]
    return known.astype(np.float32)


def whole_nuclei(labels: np.ndarray) -> np.ndarray:
    """Pixels of nuclei that do not reach the edge of the ROI, nor ground where nothing is known.

    Of a nucleus cut there, nothing says how far it goes, nor where in it a pixel lies.

    Args:
        labels: (S, S) integer, 0 background, negative where nothing is known.

    Returns:
        (S, S) bool.
    """
    edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    cut = np.zeros(labels.max(initial=0) + 1, bool)
    cut[np.maximum(edge, 0)] = True
    for near, far in (
        (labels[1:], labels[:-1]),
        (labels[:-1], labels[1:]),
        (labels[:, 1:], labels[:, :-1]),
        (labels[:, :-1], labels[:, 1:]),
    ):
        cut[np.maximum(near[far < 0], 0)] = True
    cut[0] = True
    return ~cut[np.maximum(labels, 0)]
