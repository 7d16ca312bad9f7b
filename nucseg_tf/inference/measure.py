"""One row of measurements for each nucleus of a label image.

Letters: H rows, W columns, N nuclei, R runs. A run is a stretch of one label within one row of
the image; a nucleus of diameter d is some d runs instead of d * d pixels, and all that is
measured here follows from runs. Definitions are those of skimage.measure.regionprops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from nucseg_tf.errors import LabelError
from nucseg_tf.imaging.pieces import Piece, pieces
from nucseg_tf.imaging.runs import find_runs
from nucseg_tf.imaging.scratch import cut, highest
from nucseg_tf.io.tables import Table
from nucseg_tf.types import Image, Instances

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class _Runs:
    """The runs of all nuclei, sorted by label and then by row.

    Attributes:
        row, left, right: (R,) int64, px; columns left to right, both inside.
        intensity: (R,) float64, sum of the pixels; NaN without an image.
        label: (N,) labels, ascending.
        first: (N,) index of the first run of each label.
        count: (N,) number of runs of each label.
    """

    row: np.ndarray
    left: np.ndarray
    right: np.ndarray
    intensity: np.ndarray
    label: np.ndarray
    first: np.ndarray
    count: np.ndarray

    def total(self, values: np.ndarray) -> np.ndarray:
        """Add up the values of the runs of each nucleus, (R,) -> (N,)."""
        return np.add.reduceat(values, self.first)


def measure(
    labels: np.ndarray,
    image: np.ndarray | None = None,
    scores: np.ndarray | None = None,
    pixel_size: float | None = None,
) -> pd.DataFrame:
    """Measure every nucleus.

    Args:
        labels: (H, W) integer, 0 background, 1..N.
        image: (H, W), any real dtype, for the intensities.
        scores: (N,) in [0, 1]; entry i belongs to label i + 1.
        pixel_size: µm per pixel.

    Returns:
        A row per label, ascending: `label`, `score`, `area_px`, `area_um2`, `centroid_row` and
        `centroid_col` (px), `bbox_y0`, `bbox_x0`, `bbox_y1`, `bbox_x1` (px, half-open),
        `mean_intensity`, `integrated_intensity`, `eccentricity` in [0, 1), `solidity` in (0, 1],
        `touches_edge`. What cannot be known without image, scores or pixel size is NaN.

    Raises:
        LabelError: where labels, image and scores do not fit each other.
    """
    import pandas as pd

    return pd.DataFrame(measure_columns(labels, image, scores, pixel_size))


def measure_instances(image: Image, instances: Instances) -> Table:
    """The columns of `measure` for the nuclei of an image, with its pixel size."""
    columns = measure_columns(instances.labels, image.pixels, instances.scores, image.pixel_size)
    return Table(columns)


def measure_columns(
    labels: np.ndarray,
    image: np.ndarray | None = None,
    scores: np.ndarray | None = None,
    pixel_size: float | None = None,
) -> dict[str, np.ndarray]:
    """The columns of `measure`, (N,) each, by name; arguments and errors are the same."""
    _check(labels, image, scores)
    parts = [_measure_piece(piece, image, labels.shape) for piece in pieces(labels)]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(columns["label"], kind="stable")
    columns = {name: values[order] for name, values in columns.items()}
    if scores is not None:
        columns["score"] = np.asarray(scores, float)[columns["label"] - 1]
    if pixel_size is not None:
        columns["area_um2"] = columns["area_px"] * pixel_size**2
    return columns


def _measure_piece(
    piece: Piece, image: np.ndarray | None, shape: tuple[int, ...]
) -> dict[str, np.ndarray]:
    """The columns of `measure` for the nuclei of a piece, without scores and pixel size."""
    labels, (top, left) = piece.labels, piece.window.corner
    runs = _find_runs(labels, None if image is None else cut(image, piece.window.slices))
    length = runs.right - runs.left + 1
    area = runs.total(length)
    middle = (runs.left + runs.right) / 2
    row = runs.total(length * runs.row) / area
    column = runs.total(length * middle) / area
    y0, y1 = _least(runs, runs.row), _greatest(runs, runs.row) + 1
    x0, x1 = _least(runs, runs.left), _greatest(runs, runs.right) + 1
    intensity = runs.total(runs.intensity)
    height, width = shape
    unknown = np.full(len(area), np.nan)
    return {
        "label": piece.numbers[runs.label - 1].astype(np.int64),
        "score": unknown,
        "area_px": area,
        "area_um2": unknown,
        "centroid_row": row + top,
        "centroid_col": column + left,
        "bbox_y0": y0 + top,
        "bbox_x0": x0 + left,
        "bbox_y1": y1 + top,
        "bbox_x1": x1 + left,
        "mean_intensity": intensity / area,
        "integrated_intensity": intensity,
        "eccentricity": _eccentricity(runs, row, column),
        "solidity": area / _hull_areas(runs),
        "touches_edge": (y0 + top == 0)
        | (x0 + left == 0)
        | (y1 + top == height)
        | (x1 + left == width),
    }


def _check(labels: np.ndarray, image: np.ndarray | None, scores: np.ndarray | None) -> None:
    """Raise LabelError where the inputs do not fit each other."""
    if labels.ndim != 2 or labels.dtype.kind not in "iu":
        raise LabelError(
            "labels must be a two-dimensional integer label image. "
            f"Received: shape {labels.shape}, dtype {labels.dtype}"
        )
    if image is not None and image.shape != labels.shape:
        raise LabelError(
            f"image must have the shape of the labels, {labels.shape}. Received: {image.shape}"
        )
    nuclei = highest(labels)
    if scores is not None and len(scores) != nuclei:
        raise LabelError(f"expected a score for each of {nuclei} labels. Received: {len(scores)}")


def _find_runs(labels: np.ndarray, image: np.ndarray | None) -> _Runs:
    """Cut the nuclei into runs."""
    found = find_runs(labels)
    starts, owner, lengths = found.starts, found.values, found.lengths
    if image is None:
        intensity = np.full(len(starts), np.nan)
    else:
        # The background's runs are added up too: reduceat sums from one start to the next.
        intensity = np.add.reduceat(image.ravel(), starts, dtype=np.float64)

    nucleus = np.flatnonzero(owner)
    order = nucleus[np.argsort(owner[nucleus], kind="stable")]
    label, first, count = np.unique(owner[order], return_index=True, return_counts=True)
    row, left = np.divmod(starts[order], max(1, labels.shape[1]))
    right = left + lengths[order] - 1
    return _Runs(row, left, right, intensity[order], label, first, count)


def _least(runs: _Runs, values: np.ndarray) -> np.ndarray:
    """Least value of each nucleus, (R,) -> (N,)."""
    return np.minimum.reduceat(values, runs.first)


def _greatest(runs: _Runs, values: np.ndarray) -> np.ndarray:
    """Greatest value of each nucleus, (R,) -> (N,)."""
    return np.maximum.reduceat(values, runs.first)


def _eccentricity(runs: _Runs, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Eccentricity of the ellipse with the second moments of each nucleus, (N,) in [0, 1).

    With eigenvalues l1 >= l2 of the covariance of the pixel centres it is sqrt(1 - l2 / l1), and
    0 for a single pixel. Coordinates are taken from the centroid, so that the sums of squares do
    not cancel far from the origin.

    Args:
        runs: of all nuclei.
        row, column: (N,) centroids, px.
    """
    length = runs.right - runs.left + 1
    dy = runs.row - np.repeat(row, runs.count)
    dx = (runs.left + runs.right) / 2 - np.repeat(column, runs.count)
    yy = runs.total(length * dy**2)
    xy = runs.total(length * dy * dx)
    # Within a run of n pixels, the squared distances from its middle add up to n (n^2 - 1) / 12.
    xx = runs.total(length * dx**2 + length * (length**2 - 1) / 12)
    spread = np.hypot(yy - xx, 2 * xy)
    largest = (yy + xx + spread) / 2
    # 1 - l2 / l1 = (l1 - l2) / l1; the tiny divisor only serves the single pixel, where both are 0
    return np.sqrt(np.minimum(spread / np.maximum(largest, 1e-12), 1.0))


def _hull_areas(runs: _Runs) -> np.ndarray:
    """Pixels in the convex hull of each nucleus, (N,) float64, as convex_hull_image counts them.

    There the hull is drawn around the middles of the edges of the pixels, and pixels count whose
    centre is in it or on it. These are, first, the centres in or on the hull of the centres: its
    area A plus half the B centres on its outline plus 1 (Pick's theorem). And second, beyond each
    side (dy, dx) of it, those at most half a pixel away along the shorter axis: with
    g = gcd(dy, dx) the distances step through 1 / m, ..., (m - 1) / m, where
    m = max(|dy|, |dx|) / g, so that g * floor(m / 2) of them count.
    """
    if len(runs.label) == 0:
        return np.zeros(0)
    ends = np.stack([np.append(runs.left, runs.right), np.append(runs.row, runs.row)], axis=1)
    order = np.argsort(np.tile(np.repeat(np.arange(len(runs.label)), runs.count), 2), kind="stable")
    points = np.split(ends[order].astype(np.int32), 2 * runs.first[1:])
    hulls = [cv2.convexHull(nucleus).reshape(-1, 2) for nucleus in points]

    size = np.array([len(hull) for hull in hulls])
    first = np.append(0, np.cumsum(size)[:-1])
    corner = np.concatenate(hulls).astype(np.int64)
    corner -= np.repeat(corner[first], size, axis=0)
    x, y = corner.T
    # Every outline begins at (0, 0), so that the first corner of the next one closes it.
    dx, dy = (np.roll(corner, -1, axis=0) - corner).T
    divisor = np.gcd(dx, dy)
    # A single pixel has one side of length 0: it has no divisor, and nothing lies beyond it.
    steps = np.maximum(np.abs(dx), np.abs(dy)) // np.maximum(divisor, 1)
    area = np.abs(np.add.reduceat(x * dy - y * dx, first)) / 2
    return area + np.add.reduceat(divisor / 2 + divisor * (steps // 2), first) + 1
