"""How far the outlines of matched nuclei lie apart.

The outline of a nucleus is made of its pixels beside a pixel (4 neighbours) of another label or of
the background; the edge of the image is no outline (`io.pictures.outline_pixels`). The boundary
distance of a matched pair A, B is the average symmetric surface distance (Heimann et al. 2009,
"Comparison and Evaluation of Methods for Liver Segmentation From CT Datasets"):

    (sum over a in outline(A) of d(a, outline(B)) + sum over b in outline(B) of d(b, outline(A)))
        / (number of pixels of both outlines)

where d is the Euclidean distance, px, from a pixel's centre to that of the nearest outline pixel.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from nucseg_tf.evaluation.matching import CHUNK_PIXELS
from nucseg_tf.io.pictures import outline_pixels

CHUNK_PAIRS = 500  # nuclei whose outlines are compared at a time; bounds the memory


def boundary_distances(truth: np.ndarray, prediction: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Boundary distance of each pair of matched nuclei.

    Time is linear in the pixels of the image, and in those of the outlines but for a logarithm.
    Memory grows with the outlines, not with the image.

    Args:
        truth: (H, W) integer, 0 background.
        prediction: (H, W) integer, 0 background.
        pairs: (M, 2) labels, true and predicted, each once at most in its column.

    Returns:
        (M,) float64, px; NaN where a nucleus has no outline, because it fills the image.
    """
    count = len(pairs)
    ours, theirs = _outline(truth, pairs[:, 0]), _outline(prediction, pairs[:, 1])
    pixels = [np.bincount(outline[:, 0], minlength=count) for outline in (ours, theirs)]
    defined = (pixels[0] > 0) & (pixels[1] > 0)
    ours, theirs = ours[defined[ours[:, 0]]], theirs[defined[theirs[:, 0]]]
    total = np.zeros(count)
    starts = np.arange(0, count, CHUNK_PAIRS)
    chunks = [np.split(o, np.searchsorted(o[:, 0], starts))[1:] for o in (ours, theirs)]
    for first, *parts in zip(starts, *chunks, strict=True):
        part = total[first : first + CHUNK_PAIRS]
        for points, others in (parts, parts[::-1]):
            if len(points):
                distance = _nearest(points, others, truth.shape)
                part += np.bincount(points[:, 0] - first, distance, len(part))
    return np.divide(total, sum(pixels), out=np.full(count, np.nan), where=defined)


def _outline(labels: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Outline pixels of some labels: (K, 3) int32, position in `wanted`, row, column; sorted."""
    if not len(wanted):
        return np.zeros((0, 3), np.int32)
    order = np.argsort(wanted)
    ordered = wanted[order]
    rows = max(1, CHUNK_PIXELS // max(1, labels.shape[1]))
    found = []
    for top in range(0, labels.shape[0], rows):
        above = min(top, 1)  # a row more on both sides, for the neighbours
        part = labels[top - above : top + rows + 1]
        y, x = np.nonzero(outline_pixels(part)[above : above + rows])
        value = part[y + above, x]
        place = np.searchsorted(ordered, value).clip(max=len(ordered) - 1)
        kept = ordered[place] == value
        points = np.stack([order[place], y + top, x], axis=1, dtype=np.int32, casting="same_kind")
        found.append(points[kept])
    every = np.concatenate(found)
    return every[np.argsort(every[:, 0], kind="stable")]


def _nearest(points: np.ndarray, others: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Distance, px, of each outline pixel to the nearest of the other outline of its pair."""
    # Pairs are moved so far apart that the nearest pixel is always one of the same pair.
    apart = np.array([[0, 2 * sum(shape)]])
    places = [pixels[:, 1:] + pixels[:, :1] * apart for pixels in (points, others)]
    return cKDTree(places[1], balanced_tree=False, compact_nodes=False).query(places[0])[0]
