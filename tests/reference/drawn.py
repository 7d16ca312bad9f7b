"""Nuclei drawn by hand."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

# One character is 8 x 8 px: two nuclei that touch (A, B), one at the edge (C), one apart (D).
DRAWING = """
............
.AAA........
.AAABBB.....
.AAABBB.....
....BBB...CC
..........CC
..DDD.....CC
..DDD.......
............
"""
SCALE = 8


def drawn_nuclei() -> tuple[np.ndarray, np.ndarray]:
    """Drawn nuclei: (72, 96) uint8 image, bright on dark with noise; (72, 96) int32 labels 1..4."""
    rows = [[" .ABCD".index(letter) - 1 for letter in line] for line in DRAWING.split()]
    labels = np.kron(np.array(rows, np.int32), np.ones((SCALE, SCALE), np.int32))
    labels = labels.clip(0).astype(np.int32)
    generator = np.random.default_rng(1)
    brightness = np.array([20, 160, 120, 200, 140])
    image = brightness[labels] + generator.normal(0, 4, labels.shape)
    return image.clip(0, 255).astype(np.uint8), labels


# One nucleus found (1), one split (2), two merged (3 and 4), one missed (5); two extra ones.
TRUTH = """
    111..2222..33344
    111..2222..33344
    111..2222..33344
    ................
    55..............
"""
PREDICTION = """
    111..2233..44444
    111..2233..44444
    111..2233..44444
    ................
    .....55..6......
"""


def draw(picture: str) -> np.ndarray:
    """Reads a label image from lines of digits; a dot is background."""
    rows = picture.replace(".", "0").split()
    return np.array([[int(digit) for digit in row] for row in rows], np.int32)


def random_labels(
    seed: int, shape: tuple[int, int] = (28, 35), numbers: Iterable[int] = range(1, 9)
) -> np.ndarray:
    """Discs that overlap, so that nuclei touch; some reach over the edge. (H, W) int32."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.int32)
    rows, columns = np.indices(shape)
    for number in numbers:
        y, x, r = rng.uniform(0, shape[0]), rng.uniform(0, shape[1]), rng.uniform(1, 7)
        labels[(rows - y) ** 2 + (columns - x) ** 2 <= r**2] = number
    return labels


def drawn_discs(seed: int, shape: tuple[int, int] = (96, 120)) -> np.ndarray:
    """Bright discs on a dim, noisy ground, 16 bit."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    image = rng.normal(500, 30, shape)
    for y, x in ((24, 24), (24, 80), (68, 50), (70, 98)):
        y, x = y + rng.uniform(-4, 4), x + rng.uniform(-4, 4)
        image += 4000 / (1 + np.exp(np.hypot(rows - y, columns - x) - 11))
    return image.clip(0).astype(np.uint16)
