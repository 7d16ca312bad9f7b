"""From relative positions to nuclei: pixels belong together where positions increase all along.

Letters: H rows, W columns, N nuclei, V views (the image at one zoom, turned one way).
Source: Zaki et al. (2020), "Jacobkie": connected pixels with consistently increasing relative
positions make an object, which is grown back to its border; several zooms are combined.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage
from skimage.segmentation import watershed

from nucseg_tf.families.jacobkie.config import Positions
from nucseg_tf.families.jacobkie.targets import DIRECTIONS, relative_positions
from nucseg_tf.imaging.components import components, fill_holes, single_seeds
from nucseg_tf.imaging.tidy import tidy
from nucseg_tf.types import Instances

DOUBT = 4.0  # by which the mean error of the positions lowers a score
EVEN = 0.1  # scores of a nucleus that differ by less say nothing about which view is better
SMALLEST = 12  # px; a piece without core of fewer is a ruffle of another's border


def decode(maps: np.ndarray, settings: Positions) -> Instances:
    """Nuclei of one view.

    Two neighbouring pixels hold together where the positions change from one to the other as
    inside a nucleus; see `breaks`. Pixels that hold together with all four neighbours are the
    cores of the nuclei, which are grown back to the border of the mask: to what holds together
    with one core alone first, and then by a watershed on the breaks. A piece without any core is a
    nucleus, if it has `SMALLEST` pixels or is a patch of the mask by itself.

    Args:
        maps: (H, W, 5) float32 in [0, 1], mask and positions.
        settings: thresholds.

    Returns:
        Labels, and scores: mean probability of the mask, less the doubt that there is where the
        positions are not those of a nucleus of that shape.
    """
    mask = maps[..., 0] >= settings.mask
    below, right = breaks(maps[..., 1:])
    worst = np.zeros(mask.shape, np.float32)
    for part, away in ((worst[:-1], below), (worst[1:], below)):
        np.maximum(part, away, out=part)
    for part, away in ((worst[:, :-1], right), (worst[:, 1:], right)):
        np.maximum(part, away, out=part)
    joined = (below <= settings.step, right <= settings.step)
    pieces = _join(mask, *joined)
    cores = _join(mask & (worst <= settings.step), *joined)
    cores = np.where(np.bincount(cores.ravel())[cores] >= settings.core, cores, 0)
    patches, _ = components(mask)
    large = np.bincount(pieces.ravel())[pieces] >= SMALLEST
    lonely = mask & ~np.isin(patches, patches[cores > 0])
    lonely |= mask & large & ~np.isin(pieces, pieces[cores > 0])
    seeds = np.where(lonely, pieces + cores.max(), cores).astype(np.int32)
    seeds = np.where(seeds > 0, seeds, single_seeds(seeds, pieces))
    labels = fill_holes(watershed(worst, seeds, mask=mask).astype(np.int32))
    return Instances(labels, _scores(labels, maps))


def breaks(positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By how much positions contradict that two neighbours lie in one nucleus.

    A step down must not lower the positions down and along both diagonals, nor change the one to
    the right; a step to the right accordingly. The largest violation counts.

    Args:
        positions: (H, W, 4) float32.

    Returns:
        (H - 1, W) between each pixel and the one below, (H, W - 1) and the one to the right; >= 0.
    """
    planes = [np.ascontiguousarray(positions[..., i]) for i in range(len(DIRECTIONS))]
    found = []
    for axis in (0, 1):
        near, far = (slice(None),) * axis + (slice(-1),), (slice(None),) * axis + (slice(1, None),)
        worst = np.zeros_like(planes[0][near])
        for plane, way in zip(planes, DIRECTIONS, strict=True):
            change = plane[near] - plane[far]  # falls in the direction of the step
            against = way[axis] * change if way[axis] else np.abs(change)
            np.maximum(worst, against, out=worst)
        found.append(worst)
    return found[0], found[1]


def _join(inside: np.ndarray, below: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Label pixels that are joined: (H, W), (H - 1, W), (H, W - 1) bool to (H, W) int32.

    On a grid of twice the size pixels and the links between them are cells alike, of which a
    common labelling of connected components makes pieces.
    """
    height, width = inside.shape
    grid = np.zeros((2 * height, 2 * width), bool)
    grid[::2, ::2] = inside
    grid[1:-1:2, ::2] = inside[1:] & inside[:-1] & below
    grid[::2, 1:-1:2] = inside[:, 1:] & inside[:, :-1] & right
    return components(grid)[0][::2, ::2]


def _scores(labels: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """(N,) float32 in [0, 1]; N is the largest label."""
    inside = labels > 0
    owners, found = labels[inside], maps[inside]
    error = np.abs(relative_positions(labels)[inside] - found[:, 1:]).mean(axis=1)
    worth = found[:, 0] - DOUBT * error
    count = np.maximum(np.bincount(owners), 1)
    mean = np.bincount(owners, weights=worth) / count
    return np.clip(mean[1:], 0, 1).astype(np.float32)


def combine(views: Sequence[Instances], settings: Positions) -> Instances:
    """Choose, nucleus by nucleus, among what several views of one image show.

    The nucleus with the highest score is taken first, of scores that are even that of the later
    view; then each that has at most `same` of its pixels in those taken before, less these pixels.

    Args:
        views: labels (H, W) of each view, turned and resized to the image; finer ones later.
        settings: thresholds and area limits.

    Returns:
        Labels in the order of their first pixels, each in one piece.
    """
    out = np.zeros(views[0].labels.shape, np.int32)
    candidates = [
        (-round(float(view.scores[label - 1]) / EVEN), -number, label, place)
        for number, view in enumerate(views)
        for label, place in enumerate(ndimage.find_objects(view.labels), start=1)
        if place is not None and view.scores[label - 1] >= settings.score
    ]
    candidates.sort(key=lambda candidate: candidate[:3])
    scores: list[float] = []
    for _, number, label, place in candidates:
        view, window = views[-number], out[place]
        mine = view.labels[place] == label
        free = mine & (window == 0)
        if free.sum() >= (1 - settings.same) * mine.sum():
            window[free] = len(scores) + 1
            scores.append(view.scores[label - 1])
    return tidy(out, np.array(scores, np.float32), settings.min_area, settings.max_area)
