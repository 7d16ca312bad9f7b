"""Draws a toy data set: blurred discs with noise. `python scripts/make_toy_data.py DIR`.

Good for a first run of everything; a model trained on it finds discs, not nuclei.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import tifffile

SIDE, NUCLEI, FIELDS = 256, 25, 6
RADII = (8, 14)  # px


def draw_field(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """One field: (SIDE, SIDE) uint8 image and int32 labels, discs that never overlap."""
    labels = np.zeros((SIDE, SIDE), np.int32)
    image = np.full((SIDE, SIDE), 20.0)
    for label in range(1, NUCLEI + 1):
        centre = tuple(map(int, generator.integers(0, SIDE, 2)))
        radius = int(generator.integers(*RADII))
        disc = cv2.circle(np.zeros((SIDE, SIDE), np.uint8), centre, radius, 1, cv2.FILLED)
        if not labels[disc > 0].any():
            labels[disc > 0] = label
            image[disc > 0] += generator.uniform(80, 180)
    image = cv2.GaussianBlur(image, (0, 0), 1.0) + generator.normal(0, 5, image.shape)
    return image.clip(0, 255).astype(np.uint8), labels


def main(folder: Path) -> None:
    """Write images/ and masks/."""
    generator = np.random.default_rng(1)
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for number in range(FIELDS):
        image, labels = draw_field(generator)
        tifffile.imwrite(folder / "images" / f"toy{number}.tif", image)
        tifffile.imwrite(folder / "masks" / f"toy{number}_masks.tif", labels.astype(np.uint16))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
