"""A small picture of the image with the outlines of its nuclei, as JPEG."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from nucseg_tf.errors import LabelError
from nucseg_tf.imaging.scratch import strips
from nucseg_tf.imaging.shrink import shrink
from nucseg_tf.io.files import atomic_path
from nucseg_tf.io.pictures import display_grey, outline_pixels
from nucseg_tf.io.tables import Table
from nucseg_tf.io.writers.base import Writer
from nucseg_tf.types import Image, Instances

SIDE = 320  # px, longest side
QUALITY = 70  # of JPEG
COLOUR = (255, 190, 40)  # red, green, blue
OPACITY = 0.75  # of outlines, that small nuclei can be seen below them
ENDING = "_thumbnail.jpg"


class ThumbnailWriter(Writer):
    """See `write_thumbnail`."""

    ending = ENDING
    help = f"also write STEM{ENDING}, a small picture, for nucseg report"

    def write(self, path: Path, image: Image, found: Instances, table: Table) -> None:
        """Write the picture."""
        write_thumbnail(path, image.pixels, found.labels)


def write_thumbnail(
    path_jpg: str | os.PathLike[str], image: np.ndarray, labels: np.ndarray, side: int = SIDE
) -> None:
    """Write a JPEG of an image and its labels, reduced by area and stretched by percentiles.

    Args:
        path_jpg: the JPEG file.
        image: (H, W) of any real dtype.
        labels: (H, W) integers, 0 background.
        side: px, longest side of the picture; smaller images keep their size.

    Raises:
        LabelError: the shapes differ.
        OutputError: the file cannot be written.
    """
    import cv2

    if image.shape != labels.shape:
        raise LabelError(
            f"{path_jpg}: image and labels must have one shape. "
            f"Received: {image.shape} and {labels.shape}"
        )
    grey, small = _reduced(image, labels, side)
    picture = np.repeat(display_grey(grey)[..., np.newaxis], 3, axis=2)
    rim = outline_pixels(small)
    below = picture[rim] * (1 - OPACITY)
    picture[rim] = (below + OPACITY * np.array(COLOUR)).astype(np.uint8)
    with atomic_path(path_jpg) as temporary:
        options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
        _, encoded = cv2.imencode(".jpg", picture[..., ::-1], options)
        temporary.write_bytes(encoded.tobytes())


def _reduced(image: np.ndarray, labels: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Image by area, labels by one pixel of each square, both (h, w) of `side` px at most."""
    import cv2

    longest = max(image.shape)
    if longest <= side:
        return image, labels
    height, width = (max(1, length * side // longest) for length in image.shape)
    step = min(longest // side, *image.shape)  # the fraction that is left is below 2
    greys, numbers = [], []
    for part, found in zip(strips(image), strips(labels), strict=True):
        greys.append(shrink(part, step))
        h, w = greys[-1].shape
        numbers.append(found[step // 2 :: step, step // 2 :: step][:h, :w])
    grey, picked = np.concatenate(greys), np.concatenate(numbers)
    rows, columns = (
        (np.arange(new) * old + old // 2) // new
        for new, old in zip((height, width), picked.shape, strict=True)
    )
    grey = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
    return grey, picked[np.ix_(rows, columns)]


WRITER = ThumbnailWriter()
