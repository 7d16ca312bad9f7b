"""What makes a field doubtful that can be read: image and labels that hardly belong together.

H rows, W columns. The thresholds are from 545 fields of two public sets, with their own masks and
with masks that were transposed or turned over.
"""

from __future__ import annotations

import cv2
import numpy as np

from nucseg_tf.imaging.background import has_bright_background
from nucseg_tf.types import IGNORED

RING = 15  # px, of the disc that nuclei are widened by to see what surrounds them
# Chance that a pixel of a nucleus is brighter than one around it: 0.83 at least with the masks of
# an image, 0.68 at most with others.
BRIGHTER = 0.75
FEWEST = 200  # pixels, in nuclei and around them, that tell anything
MOST = 20_000  # that are compared


def doubts(pixels: np.ndarray, labels: np.ndarray) -> list[str]:
    """What seems wrong with a field, each with its remedy; nothing, as a rule.

    Args:
        pixels: (H, W) of any real type, finite.
        labels: (H, W) integers, 0 background, `IGNORED` where nothing is known: not counted.
    """
    found = []
    if has_bright_background(pixels):
        found.append(
            "the background of its image seems bright; where nuclei are dark, use --invert"
        )
    background = find_background(labels)
    if background is not None:
        found.append(
            f"label {background} surrounds all others, as if it were the background; set it to 0 "
            f"(labels[labels == {background}] = 0)"
        )
        return found
    chance = brighter_inside(pixels, labels)
    if chance is not None and chance < BRIGHTER:
        found.append(
            "nuclei are not brighter than what surrounds them: is this the mask of that image, and "
            "not transposed or turned? Where nuclei are dark, use --invert"
        )
    return found


def find_background(labels: np.ndarray) -> int | None:
    """The label that reaches all four sides and holds most of the frame, if others lie within."""
    sides = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
    frame = np.concatenate(sides)
    values, counts = np.unique(frame[frame > 0], return_counts=True)
    if not len(values) or 2 * counts.max() <= np.count_nonzero(frame != IGNORED):
        return None
    label = values[counts.argmax()]
    others = bool(np.any((labels > 0) & (labels != label)))
    return int(label) if others and all(np.any(side == label) for side in sides) else None


def brighter_inside(pixels: np.ndarray, labels: np.ndarray) -> float | None:
    """Chance that a pixel in nuclei is brighter than one around them; ties count half.

    It is the area under the curve of true against false positives of a threshold. None where there
    are too few pixels to tell, or all are equal.
    """
    inside = labels > 0
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (RING, RING))
    around = (cv2.dilate(inside.view(np.uint8), disc) > 0) & (labels == 0)
    values, others = (_some(pixels[where]) for where in (inside, around))
    if min(len(values), len(others)) < FEWEST or pixels.min() == pixels.max():
        return None
    others = np.sort(others)
    below, upto = (np.searchsorted(others, values, side) for side in ("left", "right"))
    return float(np.mean(below + upto)) / (2 * len(others))


def _some(values: np.ndarray) -> np.ndarray:
    return values[:: max(1, len(values) // MOST)]
