"""Nuclei as ROIs of ImageJ: a zip that its ROI manager opens."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np

from nucseg_tf.io.files import atomic_path
from nucseg_tf.io.outlines import signed_area, trace
from nucseg_tf.io.writers.base import Writer
from nucseg_tf.types import Image, Instances


class ImagejWriter(Writer):
    """See `write_imagej_rois`."""

    ending = "_rois.zip"
    help = "also write STEM_rois.zip for ImageJ"

    def write(self, path: Path, image: Image, found: Instances) -> None:
        """Write the outlines; neither the image nor scores have a place in them."""
        write_imagej_rois(path, found.labels)


def write_imagej_rois(path_zip: str | os.PathLike[str], labels: np.ndarray) -> None:
    """Write a zip that ImageJ's ROI manager opens.

    Args:
        path_zip: the zip file.
        labels: (H, W) integers, 0 background. Label 1 becomes ROI "0001"; further pieces of it are
            "0001-2" and so on. Holes are filled, for ImageJ polygons have none.

    Raises:
        OutputError: the file cannot be written.
    """
    import roifile

    with (
        atomic_path(path_zip) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for label, rings in trace(labels):
            outer = [ring for ring in rings if signed_area(ring) > 0]
            for piece, ring in enumerate(outer, start=1):
                name = f"{label:04d}" if piece == 1 else f"{label:04d}-{piece}"
                roi = roifile.ImagejRoi.frompoints(ring[:, ::-1], name=name)
                archive.writestr(f"{name}.roi", roi.tobytes())


WRITER = ImagejWriter()
