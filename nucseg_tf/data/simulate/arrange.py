"""Where nuclei lie in a field, and which is on top where two overlap.

Nuclei are laid from the top down: each takes what those before it left free. So a label once
written stays as it is, and only the new one has to be looked at.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from nucseg_tf.data.simulate.cell_lines import CellLine
from nucseg_tf.data.simulate.shapes import Nucleus

TRIES, BATCH = 240, 16  # places looked at for each nucleus: so many batches of so many
MIN_SEEN = 0.2  # of a nucleus; slivers at the edge of a field are left out by people, too
Corner = tuple[int, int]
Window = tuple[slice, slice]


def arrange(
    rng: np.random.Generator, nuclei: Sequence[Nucleus], line: CellLine, shape: tuple[int, int]
) -> tuple[np.ndarray, list[Corner | None]]:
    """Lay nuclei into a field, each in one 4-connected piece without holes.

    The first ones lie anywhere; the rest, a share of `line.beside`, beside one of those before, so
    that colonies of all sizes grow.

    Args:
        rng: random numbers.
        nuclei: those on top come first.
        line: says how close they lie.
        shape: (H, W) of the field.

    Returns:
        labels: (H, W) int32, 0 background, 1..N in the order of those that found a place.
        corners: of each nucleus' box, (row, column), which may lie outside the field; None where
            no place was left.
    """
    labels = np.zeros(shape, np.int32)
    placed = np.empty((len(nuclei), 3))  # row, column, radius
    corners: list[Corner | None] = []
    count = 0
    for number, nucleus in enumerate(nuclei):
        beside = number >= max(1, (1 - line.beside) * len(nuclei))
        corner = _lay(rng, labels, nucleus.mask, line, placed[:count], beside)
        if corner is not None:
            placed[count] = (*np.add(corner, _half(nucleus.mask)), _radius(nucleus.mask))
            count += 1
        corners.append(corner)
    return labels, corners


def windows(corner: Corner, size: Sequence[int], shape: Sequence[int]) -> tuple[Window, Window]:
    """Where a box meets a field: the same pixels in the field's and in the box's coordinates.

    Args:
        corner: (row, column) of the box in the field.
        size: (h, w) of the box.
        shape: (H, W) of the field.

    >>> windows((-2, 3), (5, 4), (10, 10))
    ((slice(0, 3, None), slice(3, 7, None)), (slice(2, 5, None), slice(0, 4, None)))
    """
    field, box = [], []
    for start, length, limit in zip(corner, size, shape, strict=True):
        low = min(max(start, 0), limit)
        high = max(min(start + length, limit), low)
        field.append(slice(low, high))
        box.append(slice(low - start, high - start))
    return (field[0], field[1]), (box[0], box[1])


def _lay(
    rng: np.random.Generator,
    labels: np.ndarray,
    mask: np.ndarray,
    line: CellLine,
    placed: np.ndarray,
    beside: bool,
) -> Corner | None:
    """Find a place for a mask and write its label there; None if there is none."""
    padded = np.pad(mask, line.gap)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * line.gap + 1,) * 2)
    reach = cv2.dilate(padded.astype(np.uint8), kernel) > 0
    area = np.count_nonzero(mask)
    for _ in range(TRIES):
        for centre in _candidates(rng, labels.shape, _radius(mask), line, placed, beside):
            row, column = np.rint(centre - _half(padded)).astype(int).tolist()
            field, box = windows((row, column), padded.shape, labels.shape)
            taken, within = labels[field] > 0, padded[box]
            if np.count_nonzero(reach[box] & taken) > line.overlap * np.count_nonzero(within):
                continue
            visible = within & ~taken
            if np.count_nonzero(visible) >= MIN_SEEN * area and _is_whole(visible):
                labels[field][visible] = len(placed) + 1
                return row + line.gap, column + line.gap
    return None


def _candidates(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    radius: float,
    line: CellLine,
    placed: np.ndarray,
    beside: bool,
) -> np.ndarray:
    """Centres (K, 2) anywhere, or beside placed nuclei, that are not too close to any."""
    if beside:
        parents = placed[rng.integers(len(placed), size=BATCH)]
        angle = rng.uniform(0, 2 * np.pi, BATCH)
        step = rng.uniform(*line.contact, BATCH) * (radius + parents[:, 2])
        centres = parents[:, :2] + step[:, np.newaxis] * np.stack([np.sin(angle), np.cos(angle)], 1)
    else:
        centres = rng.uniform(-radius, np.array(shape) + radius, (BATCH, 2))
    rows, columns = (centres[:, axis, np.newaxis] - placed[:, axis] for axis in (0, 1))
    distance = np.sqrt(rows**2 + columns**2) / (radius + placed[:, 2])
    free = (distance >= line.contact[0]).all(axis=1)
    if beside and len(placed) > 1:  # in touch with two is better than with one: colonies are dense
        order = np.argsort(np.partition(distance[free], 1, axis=1)[:, 1], kind="stable")
        return centres[free][order]
    return centres[free]


def _is_whole(mask: np.ndarray) -> bool:
    """Whether a mask is one 4-connected piece without holes."""
    if cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)[0] != 2:
        return False
    around = np.pad(~mask, 1, constant_values=True).astype(np.uint8)
    return cv2.connectedComponents(around, connectivity=4)[0] == 2


def _half(mask: np.ndarray) -> np.ndarray:
    return np.array(mask.shape) / 2


def _radius(mask: np.ndarray) -> float:
    """Of the disc of the same area, px."""
    return math.sqrt(np.count_nonzero(mask) / np.pi)
