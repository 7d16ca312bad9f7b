"""Detections in overlapping tiles to one label image: no nucleus twice, none cut.

Letters: H rows, W columns, P masks, K pairs of masks, N nuclei.

A mask that reaches an edge of its tile, inside the image, is *cut*; the others are *whole*. Masks
are sorted by preference first, whole ones ahead, so that a mask's index is its rank from then on
and nothing depends on the order of the tiles. Connected components of the masks that overlap
would not do as nuclei: a tile that takes two neighbours for one would join them everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nucseg_tf.families.mask_rcnn.paste import Detections, Masks, paste
from nucseg_tf.families.mask_rcnn.repeats import find_repeats
from nucseg_tf.imaging.tidy import tidy
from nucseg_tf.imaging.window import Window
from nucseg_tf.types import Instances

NEAR = 1  # px; a mask this close to an edge of its tile is taken as cut by it
SLIVER = 3  # px; a piece that reaches no deeper into its tile is ignored
FAR = 1 << 30  # px; stands for the distance to an edge that cuts nothing


def stitch(
    parts: Sequence[Detections],
    window: Window,
    *,
    threshold: float = 0.5,
    same: float,
    min_area: int = 0,
    max_area: int = 0,
) -> Instances:
    """Make one label image of what was found in overlapping tiles.

    Masks that are several others taken for one are left out. Whole nuclei are taken in the order
    of their scores, unless the same as one taken before; see `find_repeats` for what is the same.
    Pieces cut by an edge come last: those of a nucleus too large for the overlap, which no tile
    holds whole, are united.

    Args:
        parts: of the tiles, in any order; neighbours overlap by more than `SLIVER`.
        window: (H, W), of the image.
        threshold: of a mask's probability, in (0, 1].
        same: share of an area that two masks of one nucleus have in common, in [0, 1).
        min_area: least area, px; 0 is no limit.
        max_area: largest area, px; 0 is no limit.

    Returns:
        Labels in the order of their first pixels. Each is one piece without holes. Where nuclei
        overlap, the one with the higher score has the pixel. The score of united pieces is the
        largest of them.
    """
    masks, cut = sort_masks(paste(parts, window.image, threshold), window.image, min_area, max_area)
    if not masks.pixels:
        return Instances(np.zeros(window.shape, np.int32), np.zeros(0, np.float32))
    pairs, share, merged = find_repeats(masks, cut, same)
    usable = ~merged[pairs].any(axis=1)
    pairs, share = pairs[usable], share[usable]
    pieces = cut[pairs].all(axis=1) & (masks.part[pairs[:, 0]] != masks.part[pairs[:, 1]])
    kept = ~merged & _keep_first(pairs[~pieces], len(cut))
    unite = pieces & kept[pairs].all(axis=1)
    leader = _unite(pairs[unite], share[unite], masks.part)
    labels, scores = _paint(masks, kept, leader, window)
    return tidy(labels, scores, min_area, max_area)


def sort_masks(
    masks: Masks, shape: tuple[int, int], min_area: int = 0, max_area: int = 0
) -> tuple[Masks, np.ndarray]:
    """Sort masks by preference: whole, then higher score, then further from edges of the tile.

    Whole masks outside the area limits are left out, so that none takes the place of another. So
    are slivers: the next tile shows more of the nucleus, and where outlines differ by a
    pixel or two, a sliver has nothing in common with the nucleus it belongs to.

    Returns:
        The masks, and (P,) bool, which of them are cut; these come last.
    """
    low, high = masks.bounds[:, :2], masks.bounds[:, 2:]
    top, end = masks.tile[:, :2], masks.tile[:, 2:]
    inner = np.hstack([top > 0, end < shape])
    room = np.where(inner, np.hstack([low - top, end - high]), FAR)
    depth = np.where(room <= NEAR, np.hstack([high - top, end - low]), FAR).min(axis=1)
    room = room.min(axis=1)
    cut = room <= NEAR
    # Area and places only break ties, so that the order of the parts does not.
    places = (*masks.bounds.T, *masks.tile.T, masks.area)
    order = np.lexsort((*places, -room, -masks.score, cut))
    fits = (masks.area >= min_area) & (masks.area <= (max_area or FAR))
    order = order[(depth[order] > SLIVER) & (cut | fits)[order]]
    return masks.take(order), cut[order]


def _keep_first(pairs: np.ndarray, count: int) -> np.ndarray:
    """Keep each mask that no kept one of higher rank repeats; (K, 2) -> (P,) bool."""
    kept = np.ones(count, bool)
    # By the later mask: what is decided about a mask no longer changes when it decides others.
    for first, second in pairs[np.argsort(pairs[:, 1], kind="stable")].tolist():
        kept[second] &= ~kept[first]
    return kept


def _unite(pairs: np.ndarray, share: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Put pieces of one nucleus together, those with the largest share in common first.

    Pieces found in one tile stay apart: their tile saw both, and as two nuclei.

    Args:
        pairs: (K, 2) int64, indices of pieces.
        share: (K,) float64.
        part: (P,) int64, tile of each mask.

    Returns:
        (P,) int64, the smallest index of the masks put together; of others their own.
    """
    groups: dict[int, list[int]] = {}
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -share))
    for i, j in pairs[order].tolist():
        first, second = groups.setdefault(i, [i]), groups.setdefault(j, [j])
        if {part[k] for k in first}.isdisjoint(part[k] for k in second):
            first.extend(second)
            groups.update(dict.fromkeys(second, first))
    leader = np.arange(len(part))
    for i, group in groups.items():
        leader[i] = min(group)
    return leader


def _paint(
    masks: Masks, kept: np.ndarray, leader: np.ndarray, window: Window
) -> tuple[np.ndarray, np.ndarray]:
    """Paint what of the kept masks lies in a window, the highest score on top.

    Returns:
        (H, W) int32, labels by falling score; and the scores, (N,) float32.
    """
    score = np.zeros(len(leader), np.float32)
    np.maximum.at(score, leader[kept], masks.score[kept])
    leaders = np.flatnonzero(kept & (leader == np.arange(len(leader))))
    leaders = leaders[np.argsort(-score[leaders], kind="stable")]
    number = np.zeros(len(leader), np.int32)
    number[leaders] = np.arange(1, len(leaders) + 1)
    number = np.where(kept, number[leader], 0)
    labels = np.zeros(window.shape, np.int32)
    order = np.argsort(-number, kind="stable")[: np.count_nonzero(kept)]
    box, (top, left) = (*window.corner, window.bottom, window.right), window.corner
    for i in order:
        y0, x0 = (max(0, n) for n in (masks.bounds[i, :2] - window.corner).tolist())
        y1, x1 = (masks.bounds[i, 2:] - (top, left)).tolist()
        labels[y0 : max(y1, 0), x0 : max(x1, 0)][masks.crop(i, box)] = number[i]
    return labels, score[leaders]
