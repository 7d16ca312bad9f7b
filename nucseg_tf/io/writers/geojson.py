"""Nuclei as GeoJSON, which QuPath imports as detections."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from nucseg_tf.errors import LabelError
from nucseg_tf.imaging.scratch import highest
from nucseg_tf.io.files import atomic_path
from nucseg_tf.io.outlines import nested, trace
from nucseg_tf.io.tables import Table
from nucseg_tf.io.writers.base import Writer
from nucseg_tf.types import Image, Instances

# Columns that measure nothing of a nucleus, or that its geometry says better: places in the image
# would be wrong where objects are moved, as those of a region are.
NO_MEASUREMENTS = {
    *("label", "diameter", "zoom", "bbox_y0", "bbox_x0", "bbox_y1", "bbox_x1"),
    *("centroid_row", "centroid_col", "centroid_y_um", "centroid_x_um"),
}


class GeojsonWriter(Writer):
    """See `write_geojson`."""

    ending = ".geojson"
    help = "also write STEM.geojson for QuPath"

    def write(self, path: Path, image: Image, found: Instances, table: Table) -> None:
        """Write outlines at their place in a stack, and what is measured of each nucleus."""
        numbers = {
            name: values
            for name, values in table.columns.items()
            if name not in NO_MEASUREMENTS | image.origin.keys() and values.dtype.kind in "biuf"
        }
        write_geojson(path, found.labels, numbers, image.t, image.z)


def write_geojson(
    path: str | os.PathLike[str],
    labels: np.ndarray,
    measurements: Mapping[str, np.ndarray] | None = None,
    t: int | None = None,
    z: int | None = None,
) -> None:
    """Write a GeoJSON FeatureCollection that QuPath imports as detections of class Nucleus.

    Args:
        path: the GeoJSON file; coordinates are (x, y) in pixels.
        labels: (H, W) integers, 0 background. A label in several pieces becomes a MultiPolygon.
        measurements: (N,) numbers by name, entry i for label i + 1; those that are not finite are
            left out, for JSON has none.
        t, z: frame and slice that they belong to, from 0; QuPath takes None for the first.

    Raises:
        LabelError: fewer numbers than labels.
        OutputError: the file cannot be written.
    """
    count, measured = highest(labels), measurements or {}
    for name, values in measured.items():
        if len(values) < count:
            raise LabelError(
                f"{path}: expected {name} of each of {count} labels, got {len(values)}"
            )
    plane = {"c": -1, "z": z or 0, "t": t or 0} if t or z else None  # -1: of all channels
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write('{"type": "FeatureCollection", "features": [')
        between = ""
        for label, rings in trace(labels):
            numbers = {name: float(values[label - 1]) for name, values in measured.items()}
            file.write(between + json.dumps(_feature(label, rings, numbers, plane)))
            between = ", "
        file.write("]}")


def _feature(
    label: int, rings: list[np.ndarray], measured: Mapping[str, float], plane: dict | None
) -> dict:
    """An object of QuPath, without an "id", for it gives each object one of its own."""
    polygons = [
        [_closed(outer), *(_closed(hole) for hole in holes)] for outer, holes in nested(rings)
    ]
    single = len(polygons) == 1
    properties: dict = {
        "objectType": "detection",
        "name": str(label),
        "classification": {"name": "Nucleus", "color": [0, 200, 255]},
    }
    numbers = {k: float(f"{v:.9g}") for k, v in measured.items() if math.isfinite(v)}
    if numbers:  # as many digits as in objects.csv
        properties["measurements"] = numbers
    geometry: dict = {
        "type": "Polygon" if single else "MultiPolygon",
        "coordinates": polygons[0] if single else polygons,
    }
    if plane is not None:
        geometry["plane"] = plane
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _closed(ring: np.ndarray) -> list[list[int]]:
    """(x, y) pairs with the first repeated at the end, as GeoJSON wants."""
    return np.concatenate([ring, ring[:1]])[:, ::-1].tolist()


WRITER = GeojsonWriter()
