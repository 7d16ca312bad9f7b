"""FPN2-WS targets by their definitions, a loop for each pixel."""

from __future__ import annotations

import numpy as np


def distance_map(labels: np.ndarray) -> np.ndarray:
    """Distance to the nearest pixel of another label, divided by the largest of the nucleus."""
    out = np.zeros(labels.shape)
    points = np.argwhere(np.ones(labels.shape, bool))
    for index in np.unique(labels[labels > 0]):
        inside = np.argwhere(labels == index)
        others = points[labels[tuple(points.T)] != index]
        if not len(others):
            out[labels == index] = 1.0
            continue
        for point in inside:
            out[tuple(point)] = np.sqrt(((others - point) ** 2).sum(axis=1).min())
        out[labels == index] /= out[labels == index].max()
    return out


def border(labels: np.ndarray) -> np.ndarray:
    """Pixels with a 4-neighbour of another label."""
    out = np.zeros(labels.shape)
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                ny, nx = y + dy, x + dx
                if 0 <= ny < height and 0 <= nx < width and labels[ny, nx] != labels[y, x]:
                    out[y, x] = 1.0
    return out


def relative_positions(labels: np.ndarray) -> np.ndarray:
    """Share of the lines of its nucleus that lie before a pixel's own, and half of that one."""
    out = np.zeros((*labels.shape, 4), np.float32)
    for k, way in enumerate([(1, 0), (0, 1), (1, 1), (1, -1)]):
        for y, x in np.argwhere(labels > 0):
            own = [py * way[0] + px * way[1] for py, px in np.argwhere(labels == labels[y, x])]
            before = y * way[0] + x * way[1] - min(own)
            out[y, x, k] = (before + 0.5) / (max(own) - min(own) + 1)
    return out
