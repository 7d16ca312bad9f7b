"""Nuclei drawn as outlines, GeoJSON as of QuPath and ROIs of ImageJ, as label images.

Pixel (r, c) covers r to r + 1 and c to c + 1, as in both programs; a pixel is of an outline if its
centre is inside. Where outlines overlap, the first keeps the pixels.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from nucseg_tf.errors import DataError, LabelError
from nucseg_tf.io import limits
from nucseg_tf.io.archives import open_source
from nucseg_tf.io.boxes import enclosing, shape_of, shifted, slices
from nucseg_tf.io.documents import MAX_READ, read_json
from nucseg_tf.io.polygons import polygon_mask

SLACK = 2.0  # px that outlines may reach beyond the image
MOST_COVER = 30  # boxes of all outlines together, in images; dense fields stay below 3
LARGEST_ROI = 64 * 2**20  # bytes
Rings = list[np.ndarray]  # each (N, 2) float (row, column); even-odd, so holes are rings, too


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
    limits.check(shape, np.dtype(np.int32).itemsize, path)
    labels = np.zeros(shape, np.int32)
    room = MOST_COVER * shape[0] * shape[1]
    for number, rings in enumerate(nuclei, start=1):
        corners = np.concatenate(rings)
        beyond = not np.isfinite(corners).all() or np.any(corners < -SLACK)
        if beyond or np.any(corners > np.array(shape) + SLACK):
            raise LabelError(
                f"{path}: outline {number} lies beyond the image of {shape[0]} x {shape[1]} px. Is "
                "it of another image, or in other units than pixels?"
            )
        masks = [polygon_mask(ring, shape) for ring in rings]
        around = enclosing([box for box, _ in masks])
        room -= sum(mask.size for _, mask in masks)
        if room < 0:
            raise LabelError(f"{path}: its outlines cover the image more than {MOST_COVER} times")
        inside = np.zeros(shape_of(around), bool)
        for box, mask in masks:
            inside[slices(shifted(box, around))] ^= mask
        window = labels[slices(around)]
        window[inside & (window == 0)] = number
    return labels


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
