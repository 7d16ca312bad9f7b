"""Detection of nuclei by Mask R-CNN in images of any size: tiles, boxes, masks.

B tiles, H, W image, D detections, M cells a side of a mask; boxes (y0, x0, y1, x1), px.

A nucleus at the edge of a tile is cut; as tiles overlap by more than a nucleus, a neighbour sees
it whole. `stitch` joins what the tiles found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import keras
import numpy as np
from keras import ops

from nucseg_tf.inference.network import compile_function
from nucseg_tf.inference.paste import Detections
from nucseg_tf.inference.tiling import tile_starts

STRIDE = 64  # px; the coarsest level of the pyramid
FEWEST, MOST = 256, 8192  # candidates a tile
LIKELY = -2.2  # logit of an anchor that is looked at: probability 0.1
MASKS = 64  # masks are drawn in multiples of this many
Flip = tuple[int, bool]  # quarter turns, then whether columns are mirrored
# The symmetries of the square, in the order in which test-time augmentation takes them.
FLIPS: tuple[Flip, ...] = tuple(
    (turns, mirrored) for turns in range(4) for mirrored in (False, True)
)


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
        self._boxes = lru_cache(self._compile_boxes)

    def _compile_boxes(self, size: tuple[int, int], candidates: int, overlap: float) -> Callable:
        count = candidates // 4
        return compile_function(
            lambda outputs: self._network.detect_boxes(outputs, size, candidates, count, overlap)
        )

    def __call__(
        self, image: np.ndarray, tile: int, overlap: int, settings: Any, tta: int = 1
    ) -> list[Detections]:
        """Find the nuclei of one image.

        Args:
            image: (H, W) float32, normalised.
            tile: side of the tiles, px, a multiple of `STRIDE`.
            overlap: of neighbouring tiles, px.
            settings: with `score` and `overlap`, as `nucseg_tf.config.Detect`.
            tta: test-time augmentation; how many symmetries vote, 1 (none) to 8.

        Returns:
            Detections of each tile.
        """
        height, width = image.shape
        padding = [(0, -length % STRIDE) for length in image.shape]
        padded = np.pad(image, padding, "symmetric")
        found = []
        for y0, x0, part in _tiles(padded, tile, overlap):
            boxes, scores, masks = self._detect(part, settings, tta)
            rect = (y0, x0, min(y0 + part.shape[0], height), min(x0 + part.shape[1], width))
            found.append(
                Detections(boxes + np.array([y0, x0, y0, x0], np.float32), scores, masks, rect)
            )
        return found

    def _detect(self, part: np.ndarray, settings: Any, tta: int):
        """Boxes (D, 4), scores (D,) and masks (D, M, M) of one tile."""
        views = FLIPS[:tta]
        turned = [np.ascontiguousarray(_turn(part, view)) for view in views]
        outputs = [self._features(image[None, ..., None]) for image in turned]
        found = [
            self._find(output, image.shape, settings)
            for output, image in zip(outputs, turned, strict=True)
        ]
        if tta == 1:
            boxes, scores = found[0]
        else:
            back = [
                turn_back(b, view, part.shape) for (b, _), view in zip(found, views, strict=True)
            ]
            boxes, scores = vote(back, [s for _, s in found], settings.overlap, settings.score)
        total: Any = 0.0
        for output, view in zip(outputs, views, strict=True):
            masks = self._draw(output["levels"], turn_boxes(boxes, view, part.shape))
            turns, mirrored = view
            masks = np.rot90(masks, -turns, (1, 2))
            total = total + (masks[:, :, ::-1] if mirrored else masks)
        return boxes, scores, (total / tta).astype(np.float32)

    def _find(self, output: dict, size: tuple[int, ...], settings: Any):
        """Boxes (D, 4) and scores (D,), as many candidates looked at as seem likely."""
        likely = int(np.sum(np.asarray(output["rpn_logits"]) > LIKELY))
        candidates = min(max(FEWEST, 1 << max(likely - 1, 0).bit_length()), MOST)
        find = self._boxes(tuple(size), candidates, settings.overlap)
        boxes, scores = (np.asarray(array)[0] for array in find(output))
        kept = scores >= max(settings.score, 1e-6)  # 0 is no detection
        return boxes[kept], scores[kept]

    def _draw(self, levels: list, boxes: np.ndarray) -> np.ndarray:
        """Masks (D, M, M) of boxes (D, 4), drawn `MASKS` at a time."""
        parts = []
        for first in range(0, len(boxes), MASKS):
            some = boxes[first : first + MASKS]
            padded = np.pad(some, ((0, MASKS - len(some)), (0, 0)))
            parts.append(np.asarray(self._masks(levels, padded[None]))[0, : len(some)])
        cells = self._network.mask_side
        return np.concatenate(parts) if parts else np.zeros((0, cells, cells), np.float32)


def _tiles(image: np.ndarray, tile: int, overlap: int) -> Iterator[tuple[int, int, np.ndarray]]:
    """First row, first column and pixels of each tile."""
    for y0 in tile_starts(image.shape[0], tile, overlap // 2):
        for x0 in tile_starts(image.shape[1], tile, overlap // 2):
            yield y0, x0, image[y0 : y0 + tile, x0 : x0 + tile]


def _turn(image: np.ndarray, view: Flip) -> np.ndarray:
    turns, mirrored = view
    return np.rot90(image[:, ::-1] if mirrored else image, turns)


def turn_boxes(boxes: np.ndarray, view: Flip, shape: tuple[int, ...]) -> np.ndarray:
    """Where boxes (D, 4) of an image (H, W) lie after mirroring its columns and turning it.

    A quarter turn is counter-clockwise, as of `np.rot90`.
    """
    turns, mirrored = view
    height, width = shape[:2]
    y0, x0, y1, x1 = np.moveaxis(boxes, -1, 0)
    if mirrored:
        x0, x1 = width - x1, width - x0
    for _ in range(turns):
        y0, x0, y1, x1 = width - x1, y0, width - x0, y1
        height, width = width, height
    return np.stack([y0, x0, y1, x1], -1)


def turn_back(boxes: np.ndarray, view: Flip, shape: tuple[int, ...]) -> np.ndarray:
    """The inverse of `turn_boxes`; `shape` is that of the image before it was turned."""
    turns, mirrored = view
    turned = shape[:2] if turns % 2 == 0 else shape[1::-1]
    found = turn_boxes(boxes, (-turns % 4, False), turned)
    return turn_boxes(found, (0, mirrored), shape)


def vote(
    boxes: list[np.ndarray], scores: list[np.ndarray], overlap: float, least: float
) -> tuple[np.ndarray, np.ndarray]:
    """Join what several views of an image show.

    Boxes that overlap the best one among them are one nucleus: its box is their mean, weighted by
    score, and its score the sum of the best of each view over the number of views.

    Args:
        boxes: (D_v, 4) of each view.
        scores: (D_v,) of each view.
        overlap: IoU from which two boxes are one nucleus.
        least: score that a nucleus must have.

    Returns:
        (D, 4) boxes and (D,) scores, the best first.
    """
    every, weight = np.concatenate(boxes), np.concatenate(scores)
    view = np.repeat(np.arange(len(boxes)), [len(b) for b in boxes])
    left = np.argsort(-weight, kind="stable")
    found, strength = [], []
    while len(left):
        same = left[_iou(every[left[0]], every[left]) >= overlap]
        same = np.append(left[:1], same) if left[0] not in same else same
        found.append(np.average(every[same], axis=0, weights=weight[same]))
        best = np.zeros(len(boxes))
        np.maximum.at(best, view[same], weight[same])
        strength.append(best.sum() / len(boxes))
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
