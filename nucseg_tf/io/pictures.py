"""Pictures to look at: images in grey, with the outline of every nucleus in colour."""

from __future__ import annotations

import os

import numpy as np

from nucseg_tf.io.files import atomic_path

DISPLAY_PERCENTILES = (0.5, 99.8)
# Bright (red, green, blue), told apart from each other and from grey; neighbours in number differ.
COLOURS = np.array(
    [
        (255, 80, 80),
        (80, 220, 80),
        (90, 160, 255),
        (255, 220, 50),
        (255, 100, 255),
        (60, 230, 230),
        (255, 150, 40),
        (180, 130, 255),
    ],
    np.uint8,
)


def draw_outlines(grey: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Draw the outline of every label in one of COLOURS.

    Args:
        grey: (H, W) uint8.
        labels: (H, W) integers, 0 background.

    Returns:
        (H, W, 3) uint8, red, green, blue.
    """
    picture = np.repeat(grey[..., np.newaxis], 3, axis=2)
    rim = outline_pixels(labels)
    picture[rim] = COLOURS[(labels[rim] - 1) % len(COLOURS)]
    return picture


def write_colours(path_png: str | os.PathLike[str], picture: np.ndarray) -> None:
    """Write (H, W, 3) uint8, red, green, blue, as PNG.

    Raises:
        OutputError: the file cannot be written.
    """
    import cv2

    with atomic_path(path_png) as temporary:
        _, encoded = cv2.imencode(".png", picture[..., ::-1])
        temporary.write_bytes(encoded.tobytes())


def display_grey(image: np.ndarray) -> np.ndarray:
    """Stretch an image between its DISPLAY_PERCENTILES to (H, W) uint8; constant images are black.

    Pixels that are not finite do not count for the percentiles and are shown as black or white.
    """
    values = image.astype(np.float32)
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return np.zeros(image.shape, np.uint8)
    low, high = np.percentile(finite, DISPLAY_PERCENTILES)
    scaled = (values - low) / max(high - low, np.finfo(np.float32).tiny)
    return (np.nan_to_num(scaled, nan=0.0).clip(0, 1) * 255).astype(np.uint8)


def outline_pixels(labels: np.ndarray) -> np.ndarray:
    """The outermost pixels of every label.

    Args:
        labels: (H, W) integers, 0 background.

    Returns:
        (H, W) bool: label pixels beside a pixel (4 neighbours) of another value. The image edge is
        no boundary, so a nucleus cut by it is left open there.
    """
    rim = np.zeros(labels.shape, bool)
    down, across = labels[1:] != labels[:-1], labels[:, 1:] != labels[:, :-1]
    rim[1:] |= down
    rim[:-1] |= down
    rim[:, 1:] |= across
    rim[:, :-1] |= across
    return rim & (labels > 0)
