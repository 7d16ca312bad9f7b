"""From painted nuclei to a label image: each in one piece, without holes, of the size asked for.

Letters: H rows, W columns, N nuclei.
"""

from __future__ import annotations

import numpy as np

from nucseg_tf.imaging.components import components, fill_holes, keep_runs
from nucseg_tf.imaging.runs import find_runs
from nucseg_tf.types import Instances


def tidy(labels: np.ndarray, scores: np.ndarray, min_area: int = 0, max_area: int = 0) -> Instances:
    """Keep the largest piece of each nucleus, fill its holes, drop it where its area is none.

    Args:
        labels: (H, W) int32, 0 background, 1..N; changed in place.
        scores: (N,) float32, of the labels.
        min_area: least area, px; 0 is no limit.
        max_area: largest area, px; 0 is no limit.

    Returns:
        Labels in the order of their first pixels.
    """
    labels = _drop_small(fill_holes(_largest_pieces(labels)), min_area)
    return _number(labels, scores, max_area)


def _largest_pieces(labels: np.ndarray) -> np.ndarray:
    """Keep of each label the largest 4-connected piece, the first of equal ones; in place."""
    for label, place in enumerate(find_runs(labels).boxes(), start=1):
        if place is None:  # painted over
            continue
        inside = labels[place] == label
        pieces, count = components(inside)
        if count > 1:
            areas = np.bincount(pieces[inside])
            labels[place][inside & (pieces != np.argmax(areas))] = 0
    return labels


def _drop_small(labels: np.ndarray, smallest: int) -> np.ndarray:
    """Drop labels below an area; one inside another leaves no hole there. (H, W) -> (H, W)."""
    runs = find_runs(labels)
    areas, _ = runs.areas_and_firsts()
    small = (areas > 0) & (areas < smallest)
    if not small[1:].any():
        return labels
    table = np.arange(len(areas), dtype=np.int32)
    table[small] = 0
    return fill_holes(runs.renumber(table).paint())


def _number(labels: np.ndarray, scores: np.ndarray, largest: int) -> Instances:
    """Drop labels above an area (px; 0: none) and number the rest in reading order."""
    runs, kept = keep_runs(find_runs(labels), 1, largest)
    return Instances(runs.paint(), scores[kept - 1])
