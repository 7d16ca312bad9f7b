"""Nuclei as ROIs of ImageJ: a zip that its ROI manager opens."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nucseg_tf.errors import LabelError
from nucseg_tf.imaging.scratch import highest
from nucseg_tf.io.files import atomic_path
from nucseg_tf.io.outlines import trace
from nucseg_tf.io.tables import Table
from nucseg_tf.io.writers.base import Writer
from nucseg_tf.types import Image, Instances

if TYPE_CHECKING:
    from roifile import ImagejRoi

MOVE, LINE, CLOSE = 0, 1, 4  # segments of a composite ROI, as java.awt.geom.PathIterator has them


class ImagejWriter(Writer):
    """See `write_imagej_rois`."""

    ending = "_rois.zip"
    help = "also write STEM_rois.zip for ImageJ"

    def write(self, path: Path, image: Image, found: Instances, table: Table) -> None:
        """Write the outlines, with scores, at their place in a stack."""
        write_imagej_rois(path, found.labels, found.scores, image.t, image.z)


def write_imagej_rois(
    path_zip: str | os.PathLike[str],
    labels: np.ndarray,
    scores: Sequence[float] | np.ndarray | None = None,
    t: int | None = None,
    z: int | None = None,
) -> None:
    """Write a zip that ImageJ's ROI manager opens.

    An ROI holds the very pixels of its label: outlines run along the edges of pixels, and what has
    holes or several pieces is a composite.

    Args:
        path_zip: the zip file.
        labels: (H, W) integers, 0 background. Label 1 becomes ROI "0001".
        scores: (N,) in [0, 1], entry i for label i + 1; becomes the property "confidence".
        t, z: frame and slice that they belong to, from 0; None: to all. Of channels, to all.

    Raises:
        LabelError: fewer scores than labels.
        OutputError: the file cannot be written.
    """
    count = highest(labels)
    if scores is not None and len(scores) < count:
        raise LabelError(
            f"{path_zip}: expected a score for each of {count} labels, got {len(scores)}"
        )
    with (
        atomic_path(path_zip) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for label, rings in trace(labels):
            corners = [ring[:, ::-1] for ring in rings]
            roi = _traced(corners[0]) if len(corners) == 1 else _composite(corners)
            roi.name = f"{label:04d}"
            roi.z_position, roi.t_position = (0 if n is None else n + 1 for n in (z, t))
            if scores is not None:
                roi.props = f"confidence: {scores[label - 1]:.4f}\n"
            archive.writestr(f"{roi.name}.roi", roi.tobytes())


def _traced(corners: np.ndarray) -> ImagejRoi:
    """An outline (N, 2) of (x, y), of the kind whose perimeter ImageJ takes for one of pixels."""
    import roifile

    roi = roifile.ImagejRoi.frompoints(corners)
    roi.roitype = roifile.ROI_TYPE.TRACED
    return roi


def _composite(rings: list[np.ndarray]) -> ImagejRoi:
    """Several outlines (N, 2) of (x, y) in one; holes run the other way."""
    import roifile

    segments: list[float] = []
    for ring in rings:
        for number, corner in enumerate(ring.tolist()):
            segments += [LINE if number else MOVE, *corner]
        segments.append(CLOSE)
    every = np.concatenate(rings)
    (left, top), (right, bottom) = every.min(0).tolist(), every.max(0).tolist()
    return roifile.ImagejRoi(
        roitype=roifile.ROI_TYPE.RECT,
        left=left,
        top=top,
        right=right,
        bottom=bottom,
        shape_roi_size=len(segments),
        multi_coordinates=np.array(segments, np.float32),
    )


WRITER = ImagejWriter()
