"""Detection of nuclei by Mask R-CNN in images of any size: tiles, boxes, masks.

B tiles of one size h x w, H, W image, D detections, M cells a side of a mask; boxes
(y0, x0, y1, x1), px.

A nucleus at the edge of a tile is cut; as tiles overlap by more than a nucleus, a neighbour sees
it whole. `stitch` joins what the tiles found.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import keras
import numpy as np
from keras import ops

from nucseg_tf.engines.keras import compile_function
from nucseg_tf.families.mask_rcnn.config import Detect
from nucseg_tf.families.mask_rcnn.paste import Detections
from nucseg_tf.imaging import symmetry
from nucseg_tf.imaging.tiling import fit_tile, tile_starts
from nucseg_tf.layers.pyramid import STRIDES

STRIDE = STRIDES[-1]  # px; the coarsest level of the pyramid
FEWEST, MOST = 256, 4096  # anchors of a tile that are looked at
LIKELY = -2.2  # logit of such an anchor: probability 0.1
FEWEST_BOXES = 64  # proposals of a tile that are looked at
MASKS = 64  # masks are drawn in multiples of this many
LEAST_VOTE = 0.2  # score of a box that may vote
SAME_BOX = 0.5  # IoU from which boxes of different views are of one nucleus
GPU_TILES = 4  # tiles a batch; a CPU is as fast with one, and needs less memory


class Detector:
    """A Mask R-CNN network as a function from images to detections.

    Args:
        network: a `MaskRCNN`.
    """

    def __init__(self, network: keras.Model):
        self._network = network
        self._features = compile_function(lambda image: network(image, training=False))
        self._masks = compile_function(
            lambda levels, boxes: ops.sigmoid(network.draw_masks(levels, boxes))
        )
        self._propose = cache(self._compile_propose)
        self._find = cache(self._compile_find)
        gpu = "cpu" not in keras.distribution.list_devices()[0].lower()
        self._batch = GPU_TILES if gpu else 1

    def _compile_propose(self, size: tuple[int, int], candidates: int, overlap: float) -> Callable:
        return compile_function(
            lambda outputs: self._network.propose(
                outputs, size, candidates, candidates // 2, overlap, LIKELY
            )
        )

    def _compile_find(self, size: tuple[int, int], _count: int, overlap: float) -> Callable:
        """For so many boxes: each number has a function of its own, as TensorFlow advises."""
        return compile_function(
            lambda levels, rois, valid: self._network.detect(levels, rois, valid, size, overlap)
        )

    def __call__(
        self, image: np.ndarray, tile: int, tta: int, settings: Detect
    ) -> list[Detections]:
        """Find the nuclei of one image.

        Args:
            image: (H, W) float32, normalised.
            tile: largest side of the tiles, px, a multiple of `STRIDE`; they share a quarter of
                it, 64 px at least.
            tta: test-time augmentation; how many symmetries vote, 1 (none) to 8.
            settings: thresholds of score and overlap.

        Returns:
            Detections of each tile.
        """
        overlap = max(1, tile // 4 // STRIDE) * STRIDE
        padding = [(0, -length % STRIDE) for length in image.shape]
        padded = np.pad(image, padding, "symmetric")
        halo = overlap // 2
        tall, wide = (fit_tile(length, tile, halo, STRIDE) for length in padded.shape)
        rows, columns = tile_starts(len(padded), tall, halo), tile_starts(len(padded.T), wide, halo)
        places = [(y0, x0) for y0 in rows for x0 in columns]
        found = []
        for first in range(0, len(places), self._batch):
            some = places[first : first + self._batch]
            filled = some + some[-1:] * (min(self._batch, len(places)) - len(some))
            parts = np.stack([padded[y0 : y0 + tall, x0 : x0 + wide] for y0, x0 in filled])
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
        outputs, views = [], []
        for number in range(tta):
            turned = np.ascontiguousarray(symmetry.turn(parts, number, (1, 2)))
            outputs.append(self._features(turned[..., None]))
            found = self._boxes(outputs[-1], turned.shape[1:], least, settings.overlap)
            views.append([(symmetry.turn_boxes_back(b, number, shape), s) for b, s in found])
        if tta == 1:
            chosen = views[0]
        else:
            chosen = [
                vote([b for b, _ in tile], [s for _, s in tile], settings.score)
                for tile in zip(*views, strict=True)
            ]
        total: Any = [0.0] * len(parts)
        for number, output in enumerate(outputs):
            boxes = [symmetry.turn_boxes(b, number, shape) for b, _ in chosen]
            for index, masks in enumerate(self._draw(output["levels"], boxes)):
                total[index] = total[index] + symmetry.turn_back(masks, number, (1, 2)) / tta
        return [
            (boxes, scores, masks.astype(np.float32))
            for (boxes, scores), masks in zip(chosen, total, strict=True)
        ]

    def _boxes(self, output: dict, size: tuple[int, ...], least: float, overlap: float):
        """Boxes (D, 4) and scores (D,) of each tile; as many are looked at as seem likely."""
        likely = np.sum(np.asarray(output["rpn_logits"]) > LIKELY, axis=1).max()
        candidates = _few_sizes(likely, FEWEST, MOST)
        rois, valid = self._propose(tuple(size), candidates, overlap)(output)
        kept = np.sum(np.asarray(valid), axis=1).max()  # the best come first
        count = _few_sizes(kept, FEWEST_BOXES, valid.shape[1])
        find = self._find(tuple(size), count, overlap)
        found = find(output["levels"], rois[:, :count], valid[:, :count])
        boxes, scores = map(np.asarray, found)
        nuclei = scores >= max(least, 1e-6)  # 0 is no detection
        return [(b[own], s[own]) for b, s, own in zip(boxes, scores, nuclei, strict=True)]

    def _draw(self, levels: list, boxes: list[np.ndarray]) -> list[np.ndarray]:
        """Masks (D, M, M) of the boxes (D, 4) of each tile, drawn `MASKS` at a time."""
        most = max(len(own) for own in boxes)
        padded = np.zeros((len(boxes), -(-most // MASKS) * MASKS, 4), np.float32)
        for index, own in enumerate(boxes):
            padded[index, : len(own)] = own
        cells = self._network.mask_side
        masks = np.zeros((*padded.shape[:2], cells, cells), np.float32)
        for first in range(0, masks.shape[1], MASKS):
            some = slice(first, first + MASKS)
            masks[:, some] = np.asarray(self._masks(levels, padded[:, some]))
        return [drawn[: len(own)] for drawn, own in zip(masks, boxes, strict=True)]


def _few_sizes(number: int, least: int, most: int) -> int:
    """A number rounded up to `least` times 1, 1.5, 2, 3, 4, 6, ..., and `most` at most.

    Each size is compiled once, which takes about as long as many uses of it.
    """
    size = least
    while size < number:
        size += size // 2 if size & (size - 1) == 0 else size // 3
    return min(size, most)


def vote(
    boxes: Sequence[np.ndarray], scores: Sequence[np.ndarray], least: float
) -> tuple[np.ndarray, np.ndarray]:
    """Join what several views of an image show.

    The best box of all is joined by the one of each other view that overlaps it most, if by
    `SAME_BOX` or more; and so on with the boxes left. The nucleus' box is their mean, weighted by
    score, and its score their sum over the number of views.

    Args:
        boxes: (D_v, 4) of each view.
        scores: (D_v,) of each view.
        least: score that a nucleus must have.

    Returns:
        (D, 4) boxes and (D,) scores, the best first.
    """
    every, weight = np.concatenate(boxes), np.concatenate(scores)
    view = np.repeat(np.arange(len(boxes)), [len(b) for b in boxes])
    left = np.argsort(-weight, kind="stable")
    found, strength = [], []
    while len(left):
        overlap = _iou(every[left[0]], every[left])
        overlap[view[left] == view[left[0]]] = 0
        overlap[0] = 1
        order = np.argsort(-overlap, kind="stable")
        order = order[overlap[order] >= SAME_BOX]
        _, firsts = np.unique(view[left[order]], return_index=True)
        same = left[order[firsts]]
        found.append(np.average(every[same], axis=0, weights=weight[same]))
        strength.append(weight[same].sum() / len(boxes))
        left = left[~np.isin(left, same)]
    result = np.array(found, np.float32).reshape(-1, 4)
    total = np.array(strength, np.float32)
    order = np.argsort(-total, kind="stable")
    order = order[total[order] >= least]
    return result[order], total[order]


def _iou(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """IoU of one box (4,) with others (D, 4)."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    shared = np.prod(np.maximum(sides, 0), -1)
    total = np.prod(box[2:] - box[:2]) + np.prod(others[:, 2:] - others[:, :2], -1) - shared
    return shared / np.maximum(total, 1e-6)
