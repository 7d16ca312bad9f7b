"""Light that is not of nuclei in focus, and what a file format leaves of it. S side, px."""

from __future__ import annotations

import cv2
import numpy as np

HAZE = (0.05, 0.5)  # largest light of it
KNOTS = (2, 6)  # along a side, between which haze is smooth
BRIGHT = (2.0, 15.0)  # times the light of one nucleus
QUALITY = (30, 90)  # of JPEG


def add_haze(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add smooth light: cytoplasm, medium, glue. (S, S) float32 to the same."""
    knots = rng.random((rng.integers(*KNOTS), rng.integers(*KNOTS)), np.float32)
    smooth = cv2.resize(knots, image.shape[::-1], interpolation=cv2.INTER_CUBIC)
    smooth -= smooth.min()
    return image + smooth * np.float32(rng.uniform(*HAZE) / max(smooth.max(), 1e-6))


def brighten_one(image: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Make one nucleus outshine the others, which become dim, for it sets the scale of the field.

    Args:
        image: (S, S) float32.
        labels: (S, S) int32.
        rng: random numbers.

    Returns:
        (S, S) float32.
    """
    present = np.unique(labels[labels > 0])
    if not len(present):
        return image
    mask = (labels == present[rng.integers(len(present))]).astype(np.float32)
    factor = float(np.exp(rng.uniform(*np.log(BRIGHT))))
    gain = 1 + (factor - 1) * cv2.GaussianBlur(mask, (0, 0), 1.0)
    return image * gain / np.float32(factor ** rng.uniform(0, 0.9))


def compress(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What JPEG leaves of an image in 8 bits. (S, S) float32 to the same."""
    low, high = float(image.min()), float(image.max())
    if high <= low:
        return image
    grey = np.rint((image - low) * (255 / (high - low))).astype(np.uint8)
    quality = int(rng.integers(*QUALITY))
    _, coded = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, quality])
    back = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE))
    return back.astype(np.float32) * np.float32((high - low) / 255) + np.float32(low)
