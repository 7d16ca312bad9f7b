"""The ellipse that has the second moments of a nucleus.

N nuclei.
"""

from __future__ import annotations

import numpy as np

from nucseg_tf.inference.measure.label_runs import LabelRuns

TINY = 1e-9  # share of the variance below which a difference is only rounding


def ellipses(runs: LabelRuns, row: np.ndarray, column: np.ndarray) -> dict[str, np.ndarray]:
    """Axes and direction of the ellipse with the second moments of each nucleus.

    With eigenvalues l1 >= l2 of the covariance of the pixel centres, the axes are 4 sqrt(l1) and
    4 sqrt(l2), and the eccentricity is sqrt(1 - l2 / l1), 0 for a single pixel. Coordinates are
    taken from the centroid, so that the sums of squares do not cancel far from the origin.

    Args:
        runs: of all nuclei.
        row, column: (N,) centroids, px.

    Returns:
        (N,) float64 each: `eccentricity` in [0, 1]; `major_axis`, `minor_axis`, px; `orientation`,
        the angle from the direction of the rows' numbers to the major axis, in (-pi / 2, pi / 2],
        -pi / 4 where all directions are equal.
    """
    length = runs.length
    dy = runs.row - np.repeat(row, runs.count)
    dx = (runs.left + runs.right) / 2 - np.repeat(column, runs.count)
    yy = runs.total(length * dy**2)
    xy = runs.total(length * dy * dx)
    # Within a run of n pixels, the squared distances from its middle add up to n (n^2 - 1) / 12.
    xx = runs.total(length * dx**2 + length * (length**2 - 1) / 12)
    area = runs.area
    spread = np.hypot(yy - xx, 2 * xy)
    largest = (yy + xx + spread) / 2
    smallest = _settled((yy + xx - spread) / 2, largest)
    return {
        # 1 - l2 / l1 = (l1 - l2) / l1; the tiny divisor only serves the single pixel: both are 0.
        "eccentricity": np.sqrt(np.minimum(spread / np.maximum(largest, 1e-12), 1.0)),
        "major_axis": 4 * np.sqrt(largest / area),
        "minor_axis": 4 * np.sqrt(smallest / area),
        "orientation": _orientation(_settled(yy - xx, largest), _settled(xy, largest)),
    }


def _orientation(difference: np.ndarray, mixed: np.ndarray) -> np.ndarray:
    """The angle from variances of rows less columns and covariance, (N,) each, as regionprops."""
    diagonal = np.where(mixed > 0, np.pi / 4, -np.pi / 4)
    return np.where(difference == 0, diagonal, np.arctan2(2 * mixed, difference) / 2)


def _settled(values: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Values with 0 for what is rounding, whose sign would turn an axis around; (N,) each."""
    return np.where(np.abs(values) <= TINY * scale, 0.0, values)
