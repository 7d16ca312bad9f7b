"""Labelled fields cut into regions that one person corrects in one sitting.

The field is cut like a k-d tree: across the axis along which its nuclei lie farther apart, between
two nuclei, until the parts hold about as many as asked for. Each part is a *cell*; the cells tile
the field. A nucleus belongs to the region whose cell holds the middle of its box, so each belongs
to exactly one. The *box* of a region, the image that is shown, holds its cell and all its nuclei
whole, with a margin; so boxes overlap, and the nuclei of other regions in a box are its
*neighbours*: shown, but not to be edited.

Letters: H rows, W columns of the field. Boxes and cells are (y0, x0, y1, x1) in pixels, half-open.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nucseg_tf.annotation.exchange.drawn import Drawn
from nucseg_tf.imaging.normalise import normalise
from nucseg_tf.io.boxes import Box, clip_box, enclosing, find_nuclei, grown, slices

NUCLEI = 50  # a region in the ground truth of Zaki et al. 2020
MARGIN = 16  # px, so that borders can be judged


@dataclass(frozen=True)
class Region:
    """A part of a field.

    Attributes:
        box: what is shown of the field.
        cell: the part of the field that is this region's alone.
        nuclei: labels that belong to it, sorted.
    """

    box: Box
    cell: Box
    nuclei: tuple[int, ...]


def cut(labels: np.ndarray, nuclei: int = NUCLEI, margin: int = MARGIN) -> list[Region]:
    """Cut a field into regions.

    Args:
        labels: (H, W) int32, 0 background.
        nuclei: about how many a region should have; 0 for the whole field as one region.
        margin: px around the nuclei and the cell.

    Returns:
        At least one region. Their sizes differ by one nucleus at most.

    >>> field = np.zeros((4, 40), np.int32)
    >>> field[1, [3, 9, 30, 36]] = [1, 2, 3, 4]
    >>> [(region.nuclei, region.cell) for region in cut(field, nuclei=2, margin=1)]
    [((1, 2), (0, 0, 4, 20)), ((3, 4), (0, 20, 4, 40))]
    """
    found = find_nuclei(labels)
    names = np.array(list(found), np.int64)
    boxes = np.array([found[name].box for name in found], np.int64).reshape(-1, 4)
    whole = (0, 0, labels.shape[0], labels.shape[1])
    parts = max(1, round(len(names) / nuclei)) if nuclei else 1
    regions = []
    for chosen, cell in _split(np.arange(len(names)), boxes[:, :2] + boxes[:, 2:], whole, parts):
        held = enclosing([cell, *(found[int(name)].box for name in names[chosen])])
        box = clip_box(grown(held, margin), labels.shape)
        regions.append(Region(box, cell, tuple(sorted(names[chosen].tolist()))))
    return regions


def shown(labels: np.ndarray, region: Region) -> list[Drawn]:
    """All nuclei on the image of a region: its own whole, its neighbours as far as they reach in.

    Args:
        labels: (H, W) int32, of the field.
        region: a part of it.
    """
    window = labels[slices(region.box)]
    own = set(region.nuclei)
    return [
        Drawn(*nucleus.box[:2], window[slices(nucleus.box)] == label, label, label not in own)
        for label, nucleus in find_nuclei(window).items()
    ]


def to_grey(pixels: np.ndarray) -> np.ndarray:
    """A field as annotation tools show it: 8 bit, stretched by percentiles of the whole field.

    Args:
        pixels: (H, W) of any integer or float type, finite.

    Returns:
        (H, W) uint8; percentile 1 is black, percentile 99.8 white.
    """
    return np.rint(normalise(pixels).clip(0, 1) * 255).astype(np.uint8)


def _split(
    chosen: np.ndarray, centres: np.ndarray, cell: Box, parts: int
) -> Iterator[tuple[np.ndarray, Box]]:
    """Indices of nuclei and cell of each part; centres are (N, 2), in half pixels."""
    if parts == 1:
        yield chosen, cell
        return
    axis = int(np.argmax(np.ptp(centres[chosen], axis=0)))
    along, across = centres[chosen, axis], centres[chosen, 1 - axis]
    ordered = chosen[np.lexsort((across, along))]
    first = parts // 2
    count = round(len(ordered) * first / parts)
    between = int(centres[ordered[count - 1 : count + 1], axis].sum()) // 4
    line = min(max(between, cell[axis]), cell[axis + 2])
    low, high = list(cell), list(cell)
    low[axis + 2] = high[axis] = line
    yield from _split(ordered[:count], centres, (low[0], low[1], low[2], low[3]), first)
    yield from _split(ordered[count:], centres, (high[0], high[1], high[2], high[3]), parts - first)
