"""Detection of nuclei by Mask R-CNN in images of any size: tiles, boxes, masks.

B tiles of one size h x w, H, W image, D detections, M cells a side of a mask; boxes
(y0, x0, y1, x1), px.

A nucleus at the edge of a tile is cut; as tiles overlap by more than a nucleus, a neighbour sees
it whole. `stitch` joins what the tiles found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nucseg_tf.engines.base import Compiled
from nucseg_tf.families.mask_rcnn.choose import choose
from nucseg_tf.families.mask_rcnn.config import Detect
from nucseg_tf.families.mask_rcnn.paste import Detections
from nucseg_tf.families.mask_rcnn.vote import vote
from nucseg_tf.imaging import symmetry
from nucseg_tf.imaging.raster import Raster, read_mirrored
from nucseg_tf.imaging.tiling import fit_tile, tile_starts

STRIDE = 64  # px; the coarsest level of the pyramid
LEVELS = 4  # of the pyramid, that boxes are scored on; masks are drawn on the others
MOST = 4096  # anchors of a tile that are looked at; half as many proposals
LIKELY = -2.2  # logit of such an anchor: probability 0.1
FEWEST_BOXES, FEWEST_MASKS = 16, 4  # what is scored or drawn at once, at least
MASKS = 64  # drawn at once, at most
LEAST_VOTE = 0.2  # score of a box that may vote
GPU_TILES = 4  # tiles a batch; a CPU is as fast with one, and needs less memory

Boxes = tuple[np.ndarray, np.ndarray]  # (D, 4) boxes and (D,) scores


class Detector:
    """A compiled Mask R-CNN network as a function from images to detections.

    Args:
        network: with the parts `see`, `score` and `draw`, see `parts`.
    """

    def __init__(self, network: Compiled):
        self._see, self._score, self._draw = (
            network.parts[name] for name in ("see", "score", "draw")
        )
        self._batch = 1 if "cpu" in network.device.lower() else GPU_TILES

    def __call__(self, image: Raster, tile: int, tta: int, settings: Detect) -> list[Detections]:
        """Find the nuclei of one image.

        Args:
            image: (H, W), normalised; each tile is read when it is looked at.
            tile: largest side of the tiles, px, a multiple of `STRIDE`; they share a quarter of
                it, 64 px at least.
            tta: test-time augmentation; how many symmetries vote, 1 (none) to 8.
            settings: thresholds of score and overlap.

        Returns:
            Detections of each tile.
        """
        overlap = max(1, tile // 4 // STRIDE) * STRIDE
        padded = [-(-length // STRIDE) * STRIDE for length in image.shape]
        halo = overlap // 2
        tall, wide = (fit_tile(length, tile, halo, STRIDE) for length in padded)
        rows, columns = tile_starts(padded[0], tall, halo), tile_starts(padded[1], wide, halo)
        places = [(y0, x0) for y0 in rows for x0 in columns]
        found = []
        for first in range(0, len(places), self._batch):
            some = places[first : first + self._batch]
            filled = some + some[-1:] * (min(self._batch, len(places)) - len(some))
            parts = np.stack(
                [
                    read_mirrored(image, range(y0, y0 + tall), range(x0, x0 + wide))
                    for y0, x0 in filled
                ]
            )
            end = np.minimum(np.array(some) + parts.shape[1:], image.shape).tolist()
            detected = self._detect(parts, settings, tta)[: len(some)]
            for (y0, x0), (y1, x1), (boxes, scores, masks) in zip(some, end, detected, strict=True):
                moved = boxes + np.array([y0, x0, y0, x0], np.float32)
                found.append(Detections(moved, scores, masks, (y0, x0, y1, x1)))
        return found

    def _detect(self, parts: np.ndarray, settings: Detect, tta: int) -> list[tuple]:
        """Boxes (D, 4), scores (D,) and masks (D, M, M) of each of the tiles (B, h, w)."""
        shape = parts.shape[1:]
        least = settings.score if tta == 1 else min(settings.score, LEAST_VOTE)
        seen, views = [], []
        for number in range(tta):
            turned = np.ascontiguousarray(symmetry.turn(parts, number, (1, 2)))
            *levels, logits, boxes = self._see(turned[..., None])
            seen.append(levels[LEVELS:] or levels)
            size = turned.shape[1:]
            proposals = propose(logits, boxes, size, settings.overlap)
            found = self._find(levels[:LEVELS], proposals, size, settings.overlap, least)
            views.append([(symmetry.turn_boxes_back(b, number, shape), s) for b, s in found])
        if tta == 1:
            chosen = views[0]
        else:
            chosen = [
                vote([b for b, _ in tile], [s for _, s in tile], settings.score)
                for tile in zip(*views, strict=True)
            ]
        total: Any = [0.0] * len(parts)
        for number, levels in enumerate(seen):
            boxes = [symmetry.turn_boxes(b, number, shape) for b, _ in chosen]
            for index, masks in enumerate(self._masks(levels, boxes)):
                total[index] = total[index] + symmetry.turn_back(masks, number, (1, 2)) / tta
        return [
            (boxes, scores, masks.astype(np.float32))
            for (boxes, scores), masks in zip(chosen, total, strict=True)
        ]

    def _find(
        self,
        levels: list,
        proposals: list[np.ndarray],
        size: tuple[int, ...],
        overlap: float,
        least: float,
    ) -> list[Boxes]:
        """Which of the proposals (P, 4) of each tile are nuclei, with scores of `least` or more."""
        rois = _stack(proposals, FEWEST_BOXES)
        logits, boxes = map(np.asarray, self._score(*levels, rois))
        found = []
        for index, own in enumerate(proposals):
            there = slice(len(own))  # the rest is padding
            better, best = choose(
                boxes[index, there], logits[index, there], size, overlap, len(own)
            )
            scores = 1 / (1 + np.exp(-best))
            found.append((better[scores >= least], scores[scores >= least]))
        return found

    def _masks(self, levels: list, boxes: list[np.ndarray]) -> list[np.ndarray]:
        """Masks (D, M, M) of the boxes (D, 4) of each tile, drawn `MASKS` at a time at most."""
        drawn = []
        for first in range(0, max(1, *map(len, boxes)), MASKS):
            some = _stack([own[first : first + MASKS] for own in boxes], FEWEST_MASKS)
            drawn.append(np.asarray(self._draw(*levels, some)))
        masks = np.concatenate(drawn, axis=1)
        return [own_masks[: len(own)] for own_masks, own in zip(masks, boxes, strict=True)]


def propose(logits: Any, boxes: Any, size: tuple[int, ...], overlap: float) -> list[np.ndarray]:
    """Boxes (P, 4) of each tile that may be nuclei, of logits (B, A) and boxes (B, A, 4)."""
    found = []
    for own, where in zip(np.asarray(logits), np.asarray(boxes), strict=True):
        likely = own > LIKELY
        best, _ = choose(where[likely], own[likely], size, overlap, MOST)
        found.append(best[: MOST // 2])
    return found


def _stack(boxes: Sequence[np.ndarray], least: int) -> np.ndarray:
    """Boxes (D, 4) of each tile as one array (B, R, 4) float32, padded with 0."""
    stacked = np.zeros((len(boxes), _few_sizes(max(map(len, boxes)), least), 4), np.float32)
    for index, own in enumerate(boxes):
        stacked[index, : len(own)] = own
    return stacked


def _few_sizes(number: int, least: int) -> int:
    """A number rounded up to `least` times 1, 1.5, 2, 3, 4, 6, ...; `least` is a power of 2.

    What computes boxes prepares for each number of them, which takes a while.
    """
    size = least
    while size < number:
        size += size // 2 if size & (size - 1) == 0 else size // 3
    return size
