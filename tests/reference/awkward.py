"""Labelled fields with all that is awkward about nuclei."""

from __future__ import annotations

import numpy as np
from reference.drawn import draw

# 1 touches 2; 3 has a hole; 4 is in two pieces; 5 is one pixel; 6 a line; 7 two pixels that touch
# at a corner; 8 lies in the hole of 9; 9 reaches three edges.
AWKWARD = """
    11.22..333..4..9
    11.22..3.3....99
    ..1....333..4..9
    ....5........999
    66666...7....9.9
    .........7...999
    999999999999999.
    9......99.......
    9.8888.99.......
    9.8888.99.......
    9......99.......
    999999999.......
"""


def awkward() -> np.ndarray:
    """(12, 16) int32, with labels that have gaps and are large."""
    labels = draw(AWKWARD)
    return np.where(labels > 0, labels * 7 + 70_000 * (labels == 9), 0).astype(np.int32)


def many(count: int, side: int = 8) -> np.ndarray:
    """Round nuclei in rows that touch: labels 1..count, int32."""
    across = int(np.ceil(np.sqrt(count)))
    rows, columns = np.indices((side * across, side * across))
    labels = rows // side * across + columns // side + 1
    disc = (rows % side - side / 2 + 0.5) ** 2 + (columns % side - side / 2 + 0.5) ** 2
    return np.where((labels <= count) & (disc <= (side / 2) ** 2), labels, 0).astype(np.int32)
