"""Nuclei as GeoJSON, which QuPath imports as detections."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nucseg_tf.errors import LabelError
from nucseg_tf.imaging.scratch import highest
from nucseg_tf.io.files import atomic_path
from nucseg_tf.io.outlines import nested, trace
from nucseg_tf.io.writers.base import Writer
from nucseg_tf.types import Image, Instances


class GeojsonWriter(Writer):
    """See `write_geojson`."""

    ending = ".geojson"
    help = "also write STEM.geojson for QuPath"

    def write(self, path: Path, image: Image, found: Instances) -> None:
        """Write outlines and scores."""
        write_geojson(path, found.labels, found.scores)


def write_geojson(
    path: str | os.PathLike[str],
    labels: np.ndarray,
    scores: Sequence[float] | np.ndarray | None = None,
) -> None:
    """Write a GeoJSON FeatureCollection that QuPath imports as detections of class Nucleus.

    Args:
        path: the GeoJSON file; coordinates are (x, y) in pixels.
        labels: (H, W) integers, 0 background. A label in several pieces becomes a MultiPolygon.
        scores: (N,) in [0, 1], entry i for label i + 1; becomes the measurement "score".

    Raises:
        LabelError: fewer scores than labels.
        OutputError: the file cannot be written.
    """
    count = highest(labels)
    if scores is not None and len(scores) < count:
        raise LabelError(f"{path}: expected a score for each of {count} labels, got {len(scores)}")
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write('{"type": "FeatureCollection", "features": [')
        between = ""
        for label, rings in trace(labels):
            score = None if scores is None else float(scores[label - 1])
            file.write(between + json.dumps(_feature(label, rings, score)))
            between = ", "
        file.write("]}")


def _feature(label: int, rings: list[np.ndarray], score: float | None) -> dict:
    polygons = [
        [_closed(outer), *(_closed(hole) for hole in holes)] for outer, holes in nested(rings)
    ]
    single = len(polygons) == 1
    properties: dict = {
        "objectType": "detection",
        "name": str(label),
        "classification": {"name": "Nucleus", "color": [0, 200, 255]},
    }
    if score is not None:
        properties["measurements"] = {"score": round(score, 4)}
    geometry = {
        "type": "Polygon" if single else "MultiPolygon",
        "coordinates": polygons[0] if single else polygons,
    }
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _closed(ring: np.ndarray) -> list[list[int]]:
    """(x, y) pairs with the first repeated at the end, as GeoJSON wants."""
    return np.concatenate([ring, ring[:1]])[:, ::-1].tolist()


WRITER = GeojsonWriter()
