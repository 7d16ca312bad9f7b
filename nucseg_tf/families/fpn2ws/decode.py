"""From the distance and border maps to labels: seeds, foreground, seeded watershed, clean-up.

Source: Zaki et al. (2020), Methods: seeds where the distance map exceeds a threshold, then a
seeded watershed on the border map.
"""

from __future__ import annotations

import cv2
import numpy as np

from nucseg_tf.families.fpn2ws.config import Decode
from nucseg_tf.imaging.components import components, fill_holes, keep_runs, single_seeds
from nucseg_tf.imaging.edges import Edges, quantile_by_label
from nucseg_tf.imaging.runs import find_runs
from nucseg_tf.imaging.watershed import watershed
from nucseg_tf.types import Instances

LEAST_SURE = 0.1  # share of an outline
NO_BORDER = np.float32(0.4)  # below it, less border says no more
OUTSIDE = -1  # label of the background in a flood
BINOMIAL = np.array([0.25, 0.5, 0.25], np.float32)


def decode(maps: np.ndarray, settings: Decode) -> Instances:
    """Make labels from the maps of FPN2-WS.

    Args:
        maps: (H, W, 2) float32, distance and border, in [0, 1].
        settings: thresholds and area limits.

    Returns:
        Labels in the order of their first pixels, and as score the largest distance value of
        each: a nucleus that the network is sure of has a centre near 1.
    """
    # The pixels of a 2x2 cell are predicted apart from each other and ripple a little, which would
    # fray outlines; the border map has to stay as sharp as it is.
    sharp, border = (np.ascontiguousarray(maps[..., index]) for index in range(2))
    distance = cv2.sepFilter2D(sharp, -1, BINOMIAL, BINOMIAL)
    height = _less(distance, settings.seed_border, border)
    seeds = find_seeds(height, settings.seed, settings.peak)
    if settings.join:
        seeds = join_seeds(seeds, (border < settings.join) & (distance >= settings.background))
    ridge = border >= settings.ridge
    background = (distance < settings.background) & ~ridge & (seeds == 0)
    landscape = _less(border, settings.slope, distance)  # the slope settles ties on the crest
    labels = flood(landscape, seeds, background, ~ridge & ~background)
    runs = find_runs(fill_holes(labels))
    runs, _ = keep_runs(runs, settings.min_area, settings.max_area)
    return Instances(runs.paint(), np.clip(runs.largest(sharp), 0, 1))


def _less(image: np.ndarray, times: float, other: np.ndarray) -> np.ndarray:
    """image - times * other, (H, W), with one new image."""
    out = times * other
    return np.subtract(image, out, out=out)


def border_evidence(border: np.ndarray, edges: Edges, nuclei: int) -> np.ndarray:
    """How surely each nucleus ends where its outline is, at the tenth of it that is least sure.

    Args:
        border: (H, W) float32 in [0, 1].
        edges: of the nuclei.
        nuclei: N.

    Returns:
        (N,) float32 in [0.4, 1], 0.4 for all below; 1 for a nucleus that fills the image.
    """
    crest = np.maximum(edges.at(border, 0), edges.at(border, 1))
    return np.maximum(quantile_by_label(edges.label, crest, nuclei, LEAST_SURE), NO_BORDER)


def find_seeds(height: np.ndarray, threshold: float, peak: float) -> np.ndarray:
    """Connected pixels above a threshold that rise above it by `peak` somewhere.

    Where a broad slope crosses the threshold, ripples of the map leave islands beside the seed
    proper; they rise hardly above it.

    Args:
        height: (H, W) float32.
        threshold: of the seeds.
        peak: least rise of a seed.

    Returns:
        (H, W) int32, 0 where there is no seed; numbers may be left out.
    """
    seeds, count = components(height > threshold)
    numbers = np.zeros(count + 1, np.int32)
    high = seeds[height >= threshold + peak]
    numbers[high] = high
    if numbers[1:].all():
        return seeds
    return find_runs(seeds).renumber(numbers).paint()


def join_seeds(seeds: np.ndarray, interior: np.ndarray) -> np.ndarray:
    """Give one number to seeds that `interior` connects.

    Each lobe of a nucleus has a peak of the distance map, and so a seed, of its own; but between
    lobes there is no border.

    Args:
        seeds: (H, W) int32, 0 where there is none.
        interior: (H, W) bool, surely inside nuclei and away from any border.

    Returns:
        (H, W) int32, non-zero where `seeds` are.
    """
    pieces, _ = components(interior | (seeds > 0))
    return np.multiply(pieces, seeds > 0, out=pieces)


def flood(
    landscape: np.ndarray, seeds: np.ndarray, background: np.ndarray, interior: np.ndarray
) -> np.ndarray:
    """Flood a landscape, the border map, from the seeds of the nuclei and from the background.

    The background is a basin like the others, so the edge of a nucleus comes to lie on the crest
    of the border map. A threshold on the distance map would not do: scaled by the size of the
    nucleus, it falls further inside the larger the nucleus is.

    Only pixels in question are flooded: a piece of interior with a single seed is taken as a
    whole, and far from any ridge the background is settled. That saves most of the time.

    Args:
        landscape: (H, W) float32.
        seeds: (H, W) int32, 0 where there is none.
        background: (H, W) bool, surely background; apart from the seeds.
        interior: (H, W) bool, surely inside nuclei, though not whose.

    Returns:
        (H, W) int32, labels as of the seeds.
    """
    pieces, _ = components(interior | (seeds > 0))
    labels = single_seeds(seeds, pieces)
    np.maximum(labels, seeds, out=labels)
    np.copyto(labels, OUTSIDE, where=background)
    watershed(landscape, labels)
    return np.maximum(labels, 0, out=labels)
