"""The image in grey with the outline of every nucleus in colour, as PNG."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from nucseg_tf.errors import LabelError
from nucseg_tf.io.pictures import display_grey, draw_outlines, write_colours
from nucseg_tf.io.writers.base import Writer
from nucseg_tf.types import Image, Instances


class OverlayWriter(Writer):
    """See `write_overlay`."""

    ending = "_overlay.png"
    help = "also write STEM_overlay.png"

    def write(self, path: Path, image: Image, found: Instances) -> None:
        """Write the picture."""
        write_overlay(path, image.pixels, found.labels)


def write_overlay(path_png: str | os.PathLike[str], image: np.ndarray, labels: np.ndarray) -> None:
    """Write an 8-bit colour PNG of an image and its labels.

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
    write_colours(path_png, draw_outlines(display_grey(image), labels))


WRITER = OverlayWriter()
