"""What speaks for and against a nucleus, whichever family found it.

    score         ln((s + 0.02) / (1 - s + 0.02)) of the raw score s
    size          |ln(area / median area of the field)|, 1 at most
    solidity      share of its convex hull that the nucleus fills, 0.8 at least
    roundness     minor over major axis of the ellipse of its second moments
    weak_outline  share of its edges across which the image falls by less than a tenth of the
                  brightness of the nucleus; neighbours and noise count, the edge of the image not
    dimness       ln(median brightness / brightness), 0 to 4

Brightness is the mean within a nucleus less the mean outside of all. All of it is the same at any
scale and gain. Beyond the limits of size and solidity, nuclei are as likely wrong as at them.

H rows, W columns, N nuclei, 1 or more.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nucseg_tf.imaging.edges import Edges, find_edges, mean_by_label
from nucseg_tf.imaging.pieces import pieces
from nucseg_tf.imaging.scratch import cut, strips
from nucseg_tf.imaging.window import Window
from nucseg_tf.io.tables import Table

# From a window, the edges of nuclei 1..n in it and their numbers (n,) in the image to (n,) by name.
More = Callable[[Window, Edges, np.ndarray], dict[str, np.ndarray]]

SOFT = 0.02  # keeps the score finite
MOST_SIZE, LEAST_SOLIDITY, MOST_DIMNESS = 1.0, 0.8, 4.0
WEAK = 0.1  # of the brightness of the nucleus
WIDTH = 0.03  # of the typical diameter: pixels on each side of an edge that are averaged


def gather(
    table: Table, labels: np.ndarray, pixels: np.ndarray, more: More | None = None
) -> dict[str, np.ndarray]:
    """The evidence of `models.confidence.EVIDENCE`, and more.

    Args:
        table: of `measure`, with image and raw scores; a row for each of the labels 1..N.
        labels: (H, W), 1..N.
        pixels: (H, W), any real type.
        more: what else there is to be known, piece by piece.

    Returns:
        (N,) float64 each, finite.
    """
    score = np.clip(np.asarray(table["score"], float), 0, 1)
    area = np.asarray(table["area_px"], float)
    bright = brightness(table, pixels)
    diameter = np.sqrt(np.median(area) * 4 / np.pi)
    width = max(1, round(WIDTH * diameter))
    found: dict[str, np.ndarray] = {
        "score": np.log((score + SOFT) / (1 - score + SOFT)),
        "size": np.minimum(np.abs(np.log(area / np.median(area))), MOST_SIZE),
        "solidity": np.maximum(np.asarray(table["solidity"], float), LEAST_SOLIDITY),
        "roundness": np.sqrt(1 - np.minimum(np.asarray(table["eccentricity"], float), 1) ** 2),
        "weak_outline": np.zeros(len(area)),
        "dimness": np.clip(np.log(np.median(bright) / bright), 0, MOST_DIMNESS),
    }
    for piece in pieces(labels, margin=width + 1):
        edges, mine = find_edges(piece.labels), piece.numbers - 1
        seen = cut(pixels, piece.window.slices)
        found["weak_outline"][mine] = weak_outline(edges, seen, bright[mine], width)
        for name, values in (more(piece.window, edges, piece.numbers) if more else {}).items():
            found.setdefault(name, np.zeros(len(area)))[mine] = values
    return found


def brightness(table: Table, pixels: np.ndarray) -> np.ndarray:
    """Mean of each nucleus less that of what no nucleus holds, (N,) float64, positive.

    Args:
        table: of `measure`, with image.
        pixels: (H, W).
    """
    inside = table["integrated_intensity"].sum()
    outside = pixels.size - table["area_px"].sum()
    total = sum(float(strip.sum(dtype=np.float64)) for strip in strips(pixels))
    background = (total - inside) / max(outside, 1)
    bright = np.asarray(table["mean_intensity"], float) - background
    return np.maximum(bright, 1e-3 * max(bright.max(), np.finfo(np.float32).tiny))


def weak_outline(edges: Edges, pixels: np.ndarray, bright: np.ndarray, width: int) -> np.ndarray:
    """Share of the edges of each nucleus across which the image hardly falls, (N,) in [0, 1].

    Args:
        edges: of the nuclei.
        pixels: (H, W).
        bright: (N,), brightness of the nuclei.
        width: px on each side whose means are compared.
    """
    fall = sum(
        edges.at(pixels, -step).astype(np.float64) - edges.at(pixels, 1 + step)
        for step in range(width)
    )
    weak = fall < WEAK * width * bright[edges.label - 1]
    return mean_by_label(edges.label, weak, len(bright))
