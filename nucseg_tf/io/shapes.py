"""Nuclei drawn as outlines, GeoJSON as of QuPath and ROIs of ImageJ, as label images.

Pixels lie as in both programs (`filled`). Where outlines overlap, the first keeps the pixels.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from nucseg_tf.errors import DataError, LabelError
from nucseg_tf.io.archives import open_source
from nucseg_tf.io.documents import MAX_READ, read_json
from nucseg_tf.io.filled import Rings, fill, paint

LARGEST_ROI = 64 * 2**20  # bytes


def read_shapes(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """Labels (H, W) int32, 1..N in the order of the file.

    Args:
        path: .geojson, .roi or a .zip of these.
        shape: (H, W) of the image that they were drawn on.

    Raises:
        LabelError, DataError: it cannot be read, has what is no outline, or outlines beyond the
            image.
    """
    found = _geojson(path) if path.suffix.lower() == ".geojson" else _rois(path)
    return draw(path, found, shape)


def draw(path: Path, nuclei: Iterable[Rings], shape: tuple[int, int]) -> np.ndarray:
    """Fill outlines; see `read_shapes`."""
    numbered = enumerate(nuclei, start=1)
    filled = ([fill(f"{path}: outline {n}", rings, shape)] for n, rings in numbered)
    return paint(path, filled, shape)


def _geojson(path: Path) -> list[Rings]:
    """Nuclei of QuPath: detections and nuclei of cells; annotations where there is nothing else."""
    if path.stat().st_size > MAX_READ:
        raise LabelError(f"{path}: larger than {MAX_READ >> 20} MiB; split it")
    content = read_json(str(path), path.read_bytes())
    try:
        features = content["features"] if isinstance(content, dict) else content
        kinds = [feature.get("properties", {}).get("objectType") for feature in features]
        single = any(kind in ("detection", "cell") for kind in kinds)
        drawn = [
            feature.get("nucleusGeometry") or feature["geometry"]
            for feature, kind in zip(features, kinds, strict=True)
            if kind in ("detection", "cell") or not single
        ]
        return [_rings(geometry) for geometry in drawn]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise LabelError(
            f"{path}: is no GeoJSON of outlines ({error!r}). Export it again, from QuPath as "
            "FeatureCollection."
        ) from error


def _rings(geometry: dict[str, Any]) -> Rings:
    kind, coordinates = geometry["type"], geometry["coordinates"]
    if kind not in ("Polygon", "MultiPolygon"):
        raise ValueError(f"a {kind} has no area")
    polygons = [coordinates] if kind == "Polygon" else coordinates
    rings = [_ring(corners) for polygon in polygons for corners in polygon]
    if not rings:
        raise ValueError("it has no rings")
    return rings


def _ring(corners: Any) -> np.ndarray:
    """(N, 2) float (row, column) of corners (x, y), or (x, y, z)."""
    ring = np.array(corners, float)
    if ring.ndim != 2 or ring.shape[1] < 2:
        raise ValueError("a ring is no list of corners")
    return ring[:, 1::-1]


def _rois(path: Path) -> list[Rings]:
    """Outlines of ImageJ's ROI manager."""
    if path.suffix.lower() == ".roi":
        with path.open("rb") as file:
            return [_roi(path, path.name, file.read(LARGEST_ROI))]
    with open_source(path) as source:
        names = [name for name in source.names if name.lower().endswith(".roi")]
        if not names:
            raise LabelError(f"{path}: has no ROIs of ImageJ (.roi) in it. Save them from its "
                             "ROI Manager.")  # fmt: skip
        return [_roi(path, name, source.load(name, LARGEST_ROI)) for name in names]


def _roi(path: Path, name: str, content: bytes) -> Rings:
    import roifile

    areas = ("POLYGON", "RECT", "OVAL", "FREEHAND", "TRACED")
    try:
        roi = roifile.ImagejRoi.frombytes(content)
        found = roi.coordinates(multi=True)
    except Exception as error:  # of bytes from anywhere: struct.error, ValueError, ...
        raise DataError(
            f"{path}: {name}: is no ROI of ImageJ ({error!r}). Save it again."
        ) from error
    rings = [np.asarray(ring, float)[:, ::-1] for ring in found if len(ring) > 2]
    if roi.roitype.name not in areas or not rings:
        kind = roi.roitype.name.lower()
        raise LabelError(f"{path}: {name}: a {kind} has no area. Leave it out, or outline it.")
    return rings
