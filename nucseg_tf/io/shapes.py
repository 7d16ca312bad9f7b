"""Nuclei drawn as outlines, GeoJSON as of QuPath and ROIs of ImageJ, as label images.

Pixel (r, c) covers r to r + 1 and c to c + 1, as in both programs; a pixel is of an outline if its
centre is inside. Where outlines overlap, the first keeps the pixels. `fill` and `paint` are for
readers of other formats, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nucseg_tf.errors import DataError, LabelError
from nucseg_tf.io import limits
from nucseg_tf.io.archives import open_source
from nucseg_tf.io.boxes import Box, enclosing, shape_of, shifted, slices
from nucseg_tf.io.documents import MAX_READ, read_json
from nucseg_tf.io.polygons import polygon_mask

SLACK = 2.0  # px that outlines may reach beyond the image
MOST_COVER = 30  # boxes of all outlines together, in images; dense fields stay below 3
LARGEST_ROI = 64 * 2**20  # bytes
Part = tuple[Box, np.ndarray]  # a box of the image, and which of its pixels are of a nucleus
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
    numbered = enumerate(nuclei, start=1)
    filled = ([fill(f"{path}: outline {n}", rings, shape)] for n, rings in numbered)
    return paint(path, filled, shape)


def fill(where: str, rings: Rings, shape: tuple[int, int], reach: float = SLACK) -> Part:
    """The pixels of an outline.

    Args:
        where: it is from, for messages.
        rings: of one nucleus, one or more.
        shape: (H, W) of the image.
        reach: px that the outline may lie beyond the image, where it is cut.

    Raises:
        LabelError: it lies further beyond, or has too many corners or rings.
    """
    corners = np.concatenate(rings)
    beyond = not np.isfinite(corners).all() or np.any(corners < -reach)
    if beyond or np.any(corners > np.array(shape) + reach):
        raise LabelError(
            f"{where} lies beyond the image of {shape[0]} x {shape[1]} px. Is it of another image, "
            "or in other units than pixels?"
        )
    masks, room = [], MOST_COVER * shape[0] * shape[1]
    for ring in rings:
        try:
            masks.append(polygon_mask(ring, shape))
        except LabelError as error:
            raise LabelError(f"{where}: {error}") from error
        room -= masks[-1][1].size
        if room < 0:
            raise LabelError(f"{where} covers the image more than {MOST_COVER} times")
    around = enclosing([box for box, _ in masks])
    inside = np.zeros(shape_of(around), bool)
    for box, mask in masks:
        inside[slices(shifted(box, around))] ^= mask
    return around, inside


def paint(
    where: Path | str,
    nuclei: Iterable[Sequence[Part]],
    shape: tuple[int, int],
    last_on_top: bool = False,
) -> np.ndarray:
    """Labels (H, W) int32 of nuclei, each the union of its parts, 1..N in their order.

    Args:
        where: they are from, for messages.
        nuclei: parts of each.
        shape: (H, W) of the image.
        last_on_top: whether the last has the pixels that several have, not the first.

    Raises:
        LabelError: the image is too large, or covered too often.
    """
    limits.check(shape, np.dtype(np.int32).itemsize, where)
    labels = np.zeros(shape, np.int32)
    room = MOST_COVER * shape[0] * shape[1]
    for number, parts in enumerate(nuclei, start=1):
        room -= sum(mask.size for _, mask in parts)
        if room < 0:
            raise LabelError(f"{where}: its outlines cover the image more than {MOST_COVER} times")
        for box, mask in parts:
            window = labels[slices(box)]
            window[mask if last_on_top else mask & (window == 0)] = number
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
