"""The shape of one nucleus: outlines of a few Fourier terms, filled where pixel centres lie inside.

A rule of pixel centres keeps areas true; filling that takes the outline in (OpenCV's) would add
half its length, 10 % of a nucleus of 300 px.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage
from skimage.draw import polygon

from nucseg_tf.data.simulate.cell_lines import CellLine

VERTICES = 96
TERMS = np.arange(2, 7)  # below 2 a term shifts or grows the outline, above it would be fringed
AREA_LIMITS = (0.35, 2.5)  # times the mean
TURN = (0.4, 1.4)  # rad between one bridge and the next: lobes lie on a horseshoe
BRIDGE = (0.35, 0.65)  # width over the width of the smaller lobe
MIN_BRIDGE = 2.5  # px; a band that wide is 4-connected in any direction
SPACING = (0.65, 1.1)  # of neighbouring lobes, in sums of their radii
PLATE = (2.0, 2.8)  # length over width of a metaphase plate
BLUNT = 0.8  # exponent that turns its ellipse into a rod
MITOTIC_AREA = 0.45  # of the nucleus before, condensed


@dataclass(frozen=True)
class Nucleus:
    """A nucleus by itself.

    Attributes:
        mask: (h, w) bool, in one 4-connected piece without holes.
        mitotic: whether it divides: condensed, bright, without nucleoli.
    """

    mask: np.ndarray
    mitotic: bool


def draw_nucleus(rng: np.random.Generator, line: CellLine) -> Nucleus:
    """Draw a nucleus of a cell line, turned at random.

    Args:
        rng: random numbers.
        line: the cell line.

    Returns:
        The nucleus; its box has no empty row or column.
    """
    mitotic = bool(rng.random() < line.mitoses)
    area = _area(rng, *line.whole_area)
    if line.lobes:
        parts = _lobed(rng, line, area)
    elif mitotic:
        area *= MITOTIC_AREA
        parts = [outline(rng, rng.uniform(*PLATE), 0.1, 0.07, BLUNT) * math.sqrt(area)]
    else:
        form = outline(rng, rng.uniform(*line.aspect), line.bend, line.bumps)
        parts = [form * math.sqrt(area)]
    return Nucleus(fill(parts, rng.uniform(-0.5, 0.5, 2)), mitotic)


def outline(
    rng: np.random.Generator, aspect: float, bend: float, bumps: float, blunt: float = 1.0
) -> np.ndarray:
    """A closed outline of area 1 around the origin: an ellipse, bent and bumpy, turned at random.

    r(t) = 1 + sum over k of a_k cos(k t + p_k), with a_k normal and falling with k; stretched to
    `aspect`, and sheared along a parabola, which bends it and leaves its area alone.

    Args:
        rng: random numbers.
        aspect: length over width.
        bend: standard deviation of the parabola's height, of half the length; less for round ones.
        bumps: standard deviation of the sum of all terms, of the radius.
        blunt: exponent of sine and cosine; below 1 towards a rectangle (a superellipse).

    Returns:
        (V, 2) float64.
    """
    angle = np.linspace(0, 2 * np.pi, VERTICES, endpoint=False)
    heights = rng.normal(0, 1, len(TERMS)) / TERMS
    heights *= bumps * math.sqrt(2 / np.sum(1.0 / TERMS**2))
    phases = rng.uniform(0, 2 * np.pi, len(TERMS))
    radius = 1 + heights @ np.cos(np.outer(TERMS, angle) + phases[:, np.newaxis])
    long, short = (radius * np.sign(f) * np.abs(f) ** blunt for f in (np.cos(angle), np.sin(angle)))
    short = short / aspect + rng.normal(0, 2 * bend) * (1 - 1 / aspect) * long**2
    area = 0.5 * np.sum(long * np.roll(short, -1) - short * np.roll(long, -1))
    points = np.stack([long, short], axis=1) / math.sqrt(abs(area))
    return points @ _rotation(rng.uniform(0, 2 * np.pi))


def fill(parts: Sequence[np.ndarray], shift: np.ndarray) -> np.ndarray:
    """The union of outlines as a mask; of pieces one, without holes.

    Args:
        parts: (V, 2) each, px, where pixel centres are whole numbers.
        shift: (2,) px; moves the outlines against the grid.

    Returns:
        (h, w) bool, cropped to the mask.
    """
    points = [part + shift for part in parts]
    low = np.floor(np.min([part.min(axis=0) for part in points], axis=0))
    size = np.ceil(np.max([part.max(axis=0) for part in points], axis=0) - low).astype(int) + 1
    mask = np.zeros(size, np.uint8)
    for part in points:
        rows, columns = (part - low).T
        mask[polygon(rows, columns, mask.shape)] = 1
    filled = make_whole(mask)
    return filled[np.ix_(filled.any(axis=1), filled.any(axis=0))]


def make_whole(mask: np.ndarray) -> np.ndarray:
    """The largest 4-connected piece of a mask (h, w), without holes; bool. Nothing of nothing."""
    if not mask.any():  # OpenCV crashes where there are no pixels
        return np.zeros(mask.shape, bool)
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    largest = pieces == 1 + np.argmax(stats[1:, cv2.CC_STAT_AREA])
    return ndimage.binary_fill_holes(largest)


def _area(rng: np.random.Generator, mean: float, sd: float) -> float:
    """Log-normal: sizes of nuclei are skewed to the right, and never negative."""
    spread = math.log(1 + (sd / mean) ** 2)
    area = mean * math.exp(rng.normal(-spread / 2, math.sqrt(spread)))
    return float(np.clip(area, AREA_LIMITS[0] * mean, AREA_LIMITS[1] * mean))


def _lobed(rng: np.random.Generator, line: CellLine, area: float) -> list[np.ndarray]:
    """Outlines of lobes side by side on a horseshoe, and of the bridges between them."""
    weights = np.array(line.lobes) / sum(line.lobes)
    count = 2 + int(rng.choice(len(weights), p=weights))
    shares = rng.uniform(0.75, 1.25, count)
    sizes = np.sqrt(area * shares / shares.sum())
    radii = sizes / math.sqrt(np.pi)
    direction, turn = rng.uniform(0, 2 * np.pi), rng.uniform(*TURN) * rng.choice((-1, 1))
    centre, parts = np.zeros(2), []
    for number, size in enumerate(sizes):
        if number:
            pair = radii[number - 1 : number + 1]
            ahead = np.array([math.cos(direction), math.sin(direction)])
            step = ahead * pair.sum() * rng.uniform(*SPACING)
            width = max(MIN_BRIDGE, 2 * pair.min() * rng.uniform(*BRIDGE))
            parts.append(_band(centre, centre + step, width))
            centre, direction = centre + step, direction + turn
        parts.append(centre + size * outline(rng, rng.uniform(*line.aspect), 0.0, line.bumps))
    return parts


def _band(start: np.ndarray, end: np.ndarray, width: float) -> np.ndarray:
    """The rectangle (4, 2) of a width around the line between two points."""
    ahead = (end - start) / np.linalg.norm(end - start)
    across = np.array([-ahead[1], ahead[0]]) * width / 2
    return np.stack([start + across, end + across, end - across, start - across])


def _rotation(angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s], [s, c]])
