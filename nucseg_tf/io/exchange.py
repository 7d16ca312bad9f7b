"""Nuclei as outlines, for ImageJ (ROI zip) and QuPath (GeoJSON).

Outlines run along the edges between pixels ("cracks"), so their vertices are whole-number pixel
corners: pixel (r, c) is the square from corner (r, c) to corner (r + 1, c + 1). Filling an outline
gives back exactly the pixels it came from, which outlines through pixel centres cannot promise.

Pieces are 4-connected: two pixels of a label that only touch at a corner get outlines of their own,
because one outline through both would touch itself, which geometry libraries reject.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Sequence

import numpy as np

from nucseg_tf.errors import LabelError
from nucseg_tf.io.files import atomic_path

# Steps (row, column) of an edge in each direction, clockwise on the screen: right, down, left, up.
_STEPS = np.array([(0, 1), (1, 0), (0, -1), (-1, 0)])
# Where the neighbour lies across the edge that runs in each direction, and the corner of the pixel
# at which that edge begins. The pixel itself is always to the right of its edges.
_ACROSS = ((-1, 0), (0, 1), (1, 0), (0, -1))
_BEGIN = ((0, 0), (0, 1), (1, 1), (1, 0))


def outlines(labels: np.ndarray) -> dict[int, list[np.ndarray]]:
    """Trace the outline of every label.

    Args:
        labels: (H, W) integers, 0 background.

    Returns:
        For each label its rings, in the order of labels: (N, 2) int64 arrays of pixel
        corners (row, column), not closed (the last vertex joins the first), only where the
        direction changes. Outer rings run clockwise on the screen and enclose a positive
        `signed_area`; holes run the other way.

    >>> outlines(np.array([[0, 0, 0], [0, 5, 5]]))[5][0].tolist()
    [[1, 1], [1, 3], [2, 3], [2, 1]]
    """
    label, corner, direction, width = _edges(labels)
    following = _link(label, corner, direction, width)
    turns = direction[following] != direction
    rings: dict[int, list[np.ndarray]] = {}
    successor, visited = following.tolist(), np.zeros(len(label), bool).tolist()
    for start in range(len(successor)):
        if visited[start]:
            continue
        ring, edge = [], start
        while not visited[edge]:
            visited[edge] = True
            ring.append(edge)
            edge = successor[edge]
        # The vertex at the end of an edge is where the next one begins.
        vertices = corner[following[ring]][turns[ring]]
        rings.setdefault(int(label[start]), []).append(
            np.roll(np.stack(np.divmod(vertices, width), axis=1), 1, axis=0)
        )
    return dict(sorted(rings.items()))


def signed_area(ring: np.ndarray) -> float:
    """Area of an (N, 2) ring in pixels, by the shoelace formula; negative for holes."""
    row, column = ring[:, 0], ring[:, 1]
    return float(np.sum(column * np.roll(row, -1) - np.roll(column, -1) * row)) / 2


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
        for label, rings in outlines(labels).items():
            outer = [ring for ring in rings if signed_area(ring) > 0]
            for piece, ring in enumerate(outer, start=1):
                name = f"{label:04d}" if piece == 1 else f"{label:04d}-{piece}"
                roi = roifile.ImagejRoi.frompoints(ring[:, ::-1], name=name)
                archive.writestr(f"{name}.roi", roi.tobytes())


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
    highest = int(labels.max(initial=0))
    if scores is not None and len(scores) < highest:
        raise LabelError(
            f"{path}: expected a score for each of {highest} labels, got {len(scores)}"
        )
    features = [
        _feature(label, rings, None if scores is None else float(scores[label - 1]))
        for label, rings in outlines(labels).items()
    ]
    with atomic_path(path) as temporary:
        temporary.write_text(
            json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8"
        )


def _feature(label: int, rings: list[np.ndarray], score: float | None) -> dict:
    polygons = [
        [_closed(outer), *(_closed(hole) for hole in holes)] for outer, holes in _nested(rings)
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


def _nested(rings: list[np.ndarray]) -> list[tuple[np.ndarray, list[np.ndarray]]]:
    """Put each hole with the smallest outer ring around it."""
    outer = sorted((r for r in rings if signed_area(r) > 0), key=signed_area)
    nested: list[tuple[np.ndarray, list[np.ndarray]]] = [(ring, []) for ring in outer]
    for hole in (r for r in rings if signed_area(r) < 0):
        next(holes for ring, holes in nested if _encloses(ring, hole)).append(hole)
    return nested


def _encloses(outer: np.ndarray, hole: np.ndarray) -> bool:
    """Whether the label pixel to the right of the hole's first edge is inside `outer`."""
    import cv2

    step = np.sign(hole[1] - hole[0])
    right = np.array([step[1], -step[0]])
    centre = hole[0] + 0.5 * step + 0.5 * right
    contour = outer[:, ::-1].astype(np.float32)
    return cv2.pointPolygonTest(contour, (float(centre[1]), float(centre[0])), False) > 0


def _edges(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """All edges between a label and something else.

    Returns:
        label, corner, direction: (E,) each; `corner` is row * width + column of the corner at which
        an edge begins, where width, the last value, is W + 1.
    """
    height, width = labels.shape[0], labels.shape[1] + 1
    padded = np.pad(labels, 1)
    found = []
    for direction, ((dr, dc), (br, bc)) in enumerate(zip(_ACROSS, _BEGIN, strict=True)):
        across = padded[1 + dr : 1 + dr + height, 1 + dc : dc + width]
        row, column = np.nonzero((labels > 0) & (labels != across))
        corner = (row + br) * width + column + bc
        found.append((labels[row, column], corner, np.full(len(row), direction)))
    label, corner, side = (np.concatenate(part) for part in zip(*found, strict=True))
    return label, corner.astype(np.int64), side, width


def _link(label: np.ndarray, corner: np.ndarray, direction: np.ndarray, width: int) -> np.ndarray:
    """Index (E,) of the edge that follows each edge.

    A corner and a direction name at most one edge, for the pixel to its right is given. Turning
    right where possible stays with the same pixel, which keeps pieces 4-connected.
    """
    key = corner * 4 + direction
    order = np.argsort(key)
    steps = _STEPS[:, 0] * width + _STEPS[:, 1]
    end = corner + steps[direction]
    following = np.full(len(key), -1)
    for turn in (1, 0, 3):  # right, straight on, left
        wanted = end * 4 + (direction + turn) % 4
        candidate = order[np.searchsorted(key, wanted, sorter=order).clip(max=len(key) - 1)]
        fits = (following < 0) & (key[candidate] == wanted) & (label[candidate] == label)
        following[fits] = candidate[fits]
    return following
