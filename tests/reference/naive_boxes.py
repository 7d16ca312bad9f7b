"""Boxes as their definitions read: loops over single boxes, pixels and samples, nothing clever.

Boxes (y0, x0, y1, x1), px, half-open.
"""

from __future__ import annotations

import itertools
import math

import numpy as np


def naive_area(box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def naive_iou(first, second) -> float:
    """Shared over united area of two boxes; 0 where neither has any."""
    rows = min(first[2], second[2]) - max(first[0], second[0])
    columns = min(first[3], second[3]) - max(first[1], second[1])
    shared = rows * columns if rows > 0 and columns > 0 else 0.0
    united = naive_area(first) + naive_area(second) - shared
    return shared / united if united > 0 else 0.0


def naive_encode(box, anchor) -> list[float]:
    """Faster R-CNN, equation 2, over the spread (0.1, 0.1, 0.2, 0.2) of Fast R-CNN."""
    height, width = box[2] - box[0], box[3] - box[1]
    anchor_height, anchor_width = anchor[2] - anchor[0], anchor[3] - anchor[1]
    y, x = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    anchor_y, anchor_x = (anchor[0] + anchor[2]) / 2, (anchor[1] + anchor[3]) / 2
    return [
        (y - anchor_y) / anchor_height / 0.1,
        (x - anchor_x) / anchor_width / 0.1,
        math.log(height / anchor_height) / 0.2,
        math.log(width / anchor_width) / 0.2,
    ]


def naive_decode(offsets, anchor) -> list[float]:
    """The same equation, solved for the box."""
    anchor_height, anchor_width = anchor[2] - anchor[0], anchor[3] - anchor[1]
    y = (anchor[0] + anchor[2]) / 2 + 0.1 * offsets[0] * anchor_height
    x = (anchor[1] + anchor[3]) / 2 + 0.1 * offsets[1] * anchor_width
    height = anchor_height * math.exp(0.2 * offsets[2])
    width = anchor_width * math.exp(0.2 * offsets[3])
    return [y - height / 2, x - width / 2, y + height / 2, x + width / 2]


def naive_anchors(height, width, strides, sizes, ratios) -> list[list[float]]:
    """One anchor of each ratio (width over height) at the middle of each cell of each level."""
    found = []
    for stride, size in zip(strides, sizes, strict=True):
        for row, column in itertools.product(range(height // stride), range(width // stride)):
            y, x = row * stride + stride / 2, column * stride + stride / 2
            for ratio in ratios:
                tall = math.sqrt(size**2 / ratio)
                wide = ratio * tall
                found.append([y - tall / 2, x - wide / 2, y + tall / 2, x + wide / 2])
    return found


def naive_nms(boxes, valid, threshold: float) -> list[bool]:
    """Greedy: from the best (the first) on, take a box that overlaps none taken before too much."""
    kept: list[int] = []
    for index, box in enumerate(boxes):
        rivals = [boxes[other] for other in kept]
        if valid[index] and all(naive_iou(box, rival) <= threshold for rival in rivals):
            kept.append(index)
    return [index in kept for index in range(len(boxes))]


def naive_level(box, levels: int, finest_size: float) -> int:
    """0 for boxes whose area has a root below finest_size, 1 below twice that, and so on."""
    root, level, limit = math.sqrt(naive_area(box)), 0, finest_size
    while level < levels - 1 and root >= limit:
        level, limit = level + 1, 2 * limit
    return level


def naive_bilinear(feature: np.ndarray, y: float, x: float) -> np.ndarray:
    """Feature (H, W, C) at a place; (0, 0) is the middle of the first pixel.

    Every pixel counts by how near it is, 1 at its middle and 0 one pixel away. Places outside of
    the middles of the outermost pixels count as the nearest place inside.
    """
    height, width, channels = feature.shape
    y, x = min(max(y, 0.0), height - 1.0), min(max(x, 0.0), width - 1.0)
    total = np.zeros(channels)
    for row, column in itertools.product(range(height), range(width)):
        share = max(0.0, 1 - abs(y - row)) * max(0.0, 1 - abs(x - column))
        total += share * feature[row, column]
    return total


def naive_roi_align(feature, box, stride: float, cells: int, samples: int) -> np.ndarray:
    """torchvision.ops.roi_align(..., aligned=True) of one box; (cells, cells, C).

    A cell is the mean of samples x samples bilinear values, at shares (i + 0.5) / samples of its
    sides; the middle of the first pixel lies at 0.5 px. One thing differs: where a sample lies
    more than one pixel outside of the middles of the outermost pixels (torchvision: y < -1 or
    y > H), torchvision takes 0; here it is the nearest value inside, as it is there for samples
    that lie less far outside.
    """
    y0, x0, y1, x1 = (side / stride for side in box)
    found = np.zeros((cells, cells, feature.shape[2]))
    for row, column in itertools.product(range(cells), range(cells)):
        values = []
        for i, j in itertools.product(range(samples), range(samples)):
            y = y0 + (y1 - y0) / cells * (row + (i + 0.5) / samples)
            x = x0 + (x1 - x0) / cells * (column + (j + 0.5) / samples)
            values.append(naive_bilinear(feature, y - 0.5, x - 0.5))
        found[row, column] = np.mean(values, axis=0)
    return found


def naive_match(boxes, truth, positive: float, negative: float, best: bool) -> list[tuple]:
    """Faster R-CNN, section 3.1.2: (nucleus or None, kind) of each box.

    Kind is 1 for a nucleus, 0 for background, -1 for neither. A box that is the best of several
    nuclei stands for the one of them that it overlaps most.
    """
    table = [[naive_iou(box, nucleus) for nucleus in truth] for box in boxes]
    found: list[tuple] = []
    for overlaps in table:
        highest = max(overlaps, default=0.0)
        nucleus = overlaps.index(highest) if highest > 0 else None
        found.append((nucleus, 1 if highest >= positive else 0 if highest < negative else -1))
    if best:
        highest_of = [max(overlaps[n] for overlaps in table) for n in range(len(truth))]
        for index, overlaps in enumerate(table):
            won = [n for n, value in enumerate(overlaps) if 0 < value == highest_of[n]]
            if won:
                found[index] = (max(won, key=lambda n: (overlaps[n], -n)), 1)
    return found
