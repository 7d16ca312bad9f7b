"""The image in grey with the outline of every nucleus in colour, as PNG."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np

from nucseg_tf.errors import LabelError
from nucseg_tf.imaging.pieces import SIDE
from nucseg_tf.imaging.scratch import cut
from nucseg_tf.imaging.window import blocks
from nucseg_tf.io.pictures import display_grey, draw_outlines, write_colours
from nucseg_tf.io.tables import Table
from nucseg_tf.io.writers.base import Writer
from nucseg_tf.types import Image, Instances

LOG = logging.getLogger(__name__)
LARGEST = 10_000  # px, side of a picture


class OverlayWriter(Writer):
    """See `write_overlay`."""

    ending = "_overlay.png"
    help = "also write STEM_overlay.png"

    def write(self, path: Path, image: Image, found: Instances, table: Table) -> None:
        """Write the picture."""
        write_overlay(path, image.pixels, found.labels)


def write_overlay(path_png: str | os.PathLike[str], image: np.ndarray, labels: np.ndarray) -> None:
    """Write an 8-bit colour PNG of an image and its labels, reduced where they are very large.

    Args:
        path_png: the PNG file.
        image: (H, W) of any real dtype.
        labels: (H, W) integers, 0 background.

    Raises:
        LabelError: the shapes differ.
        OutputError: the file cannot be written.
    """
    if image.shape != labels.shape:
        raise LabelError(
            f"{path_png}: image and labels must have one shape. "
            f"Received: {image.shape} and {labels.shape}"
        )
    step = -(-max(image.shape) // LARGEST)
    if step == 1:
        write_colours(path_png, draw_outlines(display_grey(image), labels))
        return
    LOG.info("%s: a picture of every %dth pixel", path_png, step)
    write_colours(path_png, draw_outlines(display_grey(_every(image, step)), _every(labels, step)))


def _every(array: np.ndarray, step: int) -> np.ndarray:
    """Every so many pixels of an image (H, W), of both axes."""
    height, width = array.shape
    out = np.zeros((-(-height // step), -(-width // step)), array.dtype)
    for block in blocks((height, width), SIDE - SIDE % step):
        rows, columns = (
            slice(-(-side.start // step), -(-side.stop // step)) for side in block.slices
        )
        first = (rows.start * step, columns.start * step)
        seen = slice(first[0], block.bottom), slice(first[1], block.right)
        out[rows, columns] = cut(array, seen)[::step, ::step]
    return out


WRITER = OverlayWriter()
