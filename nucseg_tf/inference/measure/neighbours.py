"""How crowded it is around a nucleus.

N nuclei.
"""

from __future__ import annotations

import numpy as np

DIAMETERS = 3  # typical ones: nuclei that touch, and those behind them


def typical_distance(area: np.ndarray) -> float:
    """Three diameters of a disc with the median area, px, of nuclei with areas (N,); 0 of none."""
    return DIAMETERS * float(np.sqrt(np.median(area) * 4 / np.pi)) if len(area) else 0.0


def count_neighbours(row: np.ndarray, column: np.ndarray, distance: float) -> np.ndarray:
    """How many other nuclei have their centroid within a distance, (N,) int64.

    Args:
        row, column: (N,) centroids, px.
        distance: px, itself included.
    """
    from scipy.spatial import cKDTree

    if not len(row):
        return np.zeros(0, np.int64)
    points = np.stack([row, column], axis=1)
    # Centroids are rounded: what is just as far must not depend on it.
    within = distance * (1 + 1e-9)
    return cKDTree(points).query_ball_point(points, within, return_length=True) - 1
