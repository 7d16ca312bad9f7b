"""Outlines of labels as polygons, for writers of ROIs and shapes.

They run along the edges between pixels ("cracks"), so their vertices are whole-number pixel
corners: pixel (r, c) is the square from corner (r, c) to corner (r + 1, c + 1). Filling an outline
gives back exactly the pixels it came from, which outlines through pixel centres cannot promise.

Pieces are 4-connected: two pixels of a label that only touch at a corner get outlines of their own,
because one outline through both would touch itself, which geometry libraries reject. For the same
reason a ring passes no corner twice: where holes touch each other or the outside at a corner, each
has a ring of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nucseg_tf.imaging.pieces import pieces

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
        rings.setdefault(int(label[start]), []).extend(
            np.stack(np.divmod(part, width), axis=1) for part in _simple(np.roll(vertices, 1))
        )
    return dict(sorted(rings.items()))


def trace(labels: np.ndarray) -> Iterator[tuple[int, list[np.ndarray]]]:
    """The rings of every label 1..N of an image of any size, piece by piece; see `outlines`.

    Labels come in ascending order within a piece, and a small image is one piece.
    """
    for piece in pieces(labels):
        for label, rings in outlines(piece.labels).items():
            yield int(piece.numbers[label - 1]), [ring + piece.window.corner for ring in rings]


def signed_area(ring: np.ndarray) -> float:
    """Area of an (N, 2) ring in pixels, by the shoelace formula; negative for holes."""
    row, column = ring[:, 0], ring[:, 1]
    return float(np.sum(column * np.roll(row, -1) - np.roll(column, -1) * row)) / 2


def nested(rings: list[np.ndarray]) -> list[tuple[np.ndarray, list[np.ndarray]]]:
    """Put each hole with the smallest outer ring around it.

    Args:
        rings: all of one label, as `outlines` gives them.

    Returns:
        Each outer ring with its holes, by growing area.
    """
    outer = sorted((r for r in rings if signed_area(r) > 0), key=signed_area)
    pairs: list[tuple[np.ndarray, list[np.ndarray]]] = [(ring, []) for ring in outer]
    for hole in (r for r in rings if signed_area(r) < 0):
        next(holes for ring, holes in pairs if _encloses(ring, hole)).append(hole)
    return pairs


def _encloses(outer: np.ndarray, hole: np.ndarray) -> bool:
    """Whether the label pixel to the right of the hole's first edge is inside `outer`."""
    import cv2

    step = np.sign(hole[1] - hole[0])
    right = np.array([step[1], -step[0]])
    centre = hole[0] + 0.5 * step + 0.5 * right
    contour = outer[:, ::-1].astype(np.float32)
    return cv2.pointPolygonTest(contour, (float(centre[1]), float(centre[0])), False) > 0


def _simple(ring: np.ndarray) -> list[np.ndarray]:
    """Rings of vertices that pass none twice, of one (N,) that may."""
    if len(np.unique(ring)) == len(ring):
        return [ring]
    found: list[np.ndarray] = []
    path: list[int] = []
    for vertex in ring.tolist():
        if vertex in path:  # the way since then is a ring, and what is left goes on without it
            first = path.index(vertex)
            found.append(np.array(path[first:]))
            del path[first:]
        path.append(vertex)
    return [*found, np.array(path)]


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
