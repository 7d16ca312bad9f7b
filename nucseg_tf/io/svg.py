"""Nuclei drawn in a program for drawings, as SVG: each path, polygon, circle ... is a nucleus.

So are the annotations of Kromp et al. 2020: polygons over a linked image. The drawing's canvas is
the image, whatever its units: viewBox, or width and height. What is drawn later lies on top; the
pieces and holes of a path are by its fill-rule. Images, hidden elements and a rectangle as large as
the canvas are left alone.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from nucseg_tf.errors import LabelError
from nucseg_tf.io import limits
from nucseg_tf.io.filled import SLACK, Part, fill, paint
from nucseg_tf.io.plain_xml import Element, read_elements
from nucseg_tf.io.svg_path import FAR, MOST_CORNERS, curves_of, flatten
from nucseg_tf.io.svg_place import canvas_of, length_of, to_image, transform_of
from nucseg_tf.io.svg_style import Sheet, is_evenodd, is_shown, sheet_of

LOG = logging.getLogger(__name__)
SHAPES = ("path", "polygon", "polyline", "rect", "circle", "ellipse")
NO_AREA = ("line", "text")
GROUPS = (
    "svg",
    "g",
    "a",
    "switch",
)  # what is drawn stands in these alone; not in defs, clipPath ...
COST = 40  # bytes of memory for one of a file, where it is all short numbers
_MOVED = re.compile(r"(?<![\w-])transform\s*:")
REMEDY = "Save it as plain SVG (Inkscape: Plain SVG; Illustrator: SVG 1.1), paths not linked."


def read_svg(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """Labels (H, W) int32, 1..N in the order of the file.

    Args:
        path: of the drawing.
        shape: (H, W) of the image that was drawn on.

    Raises:
        LabelError, DataError: it cannot be read, is of an image of another shape, or has what
            cannot be told.
    """
    limits.check((path.stat().st_size,), COST, path)
    left_out: Counter[str] = Counter()
    labels = paint(path, ([part] for part in _parts(path, shape, left_out)), shape, True)
    if left_out:
        told = ", ".join(f"{count} {tag}" for tag, count in left_out.items())
        LOG.warning("%s: left out, for it has no area: %s", path, told)
    return labels


def _sheet(path: Path) -> Sheet:
    """What all style sheets of a drawing say; the last is right."""
    styles = (e.text for e in read_elements(path, doctype=True) if e.tag == "style")
    return sheet_of("\n".join(styles))


def _parts(path: Path, shape: tuple[int, int], left_out: Counter[str]) -> Iterator[Part]:
    """The pixels of each nucleus; counts by tag what has no area."""
    sheet, number = _sheet(path), 0
    for element in read_elements(path, doctype=True):
        tags = [tag for tag, _ in element.around] or [element.tag]
        if tags[0] != "svg":
            raise LabelError(f"{path}: is no SVG, but an XML of {tags[0][:40]!r}. {REMEDY}")
        if not {*tags} <= {*GROUPS} or not is_shown(element, sheet):
            continue
        if element.tag in SHAPES:
            number += 1
            where = f"{path}: {element.tag} {number}"
            try:
                rings = _rings(element, shape)
            except (ValueError, ArithmeticError) as error:
                raise LabelError(f"{where}: cannot be read: {error}. {REMEDY}") from error
            # What reaches over the edge of the canvas is cut there.
            reach = float(max(shape)) if canvas_of(element.around[0].attributes) else SLACK
            nonzero = not is_evenodd(element, sheet)
            part = fill(where, rings, shape, reach, nonzero) if rings else None
            if part is None:
                left_out[element.tag] += 1
            elif element.tag == "rect" and part[1].shape == shape and part[1].all():
                LOG.warning("%s is left out: as large as the image, it is no nucleus", where)
            else:
                yield part
        elif element.tag in NO_AREA:
            left_out[element.tag] += 1
        elif element.tag == "use" or (element.tag == "svg" and element.around):
            raise LabelError(f"{path}: has a <{element.tag}>, which is not followed. {REMEDY}")


def _rings(element: Element, shape: tuple[int, int]) -> list[np.ndarray]:
    """The outlines of a shape that have an area, (N, 2) float (row, column) in the image."""
    matrix = to_image(element.around[0].attributes, shape)
    for _, attributes in (*element.around[1:], element[:2]):
        if _is_moved(attributes.get("style", "")):
            raise ValueError("it is moved by its style")
        with np.errstate(all="ignore"):
            matrix = matrix @ transform_of(attributes.get("transform", ""))
    rings: list[np.ndarray] = []
    room = MOST_CORNERS
    for curves in curves_of(_as_path(element.tag, element.attributes)):
        with np.errstate(all="ignore"):
            placed = curves @ matrix[:2, :2].T + matrix[:2, 2]
        if not (np.abs(placed) <= FAR).all():
            raise ValueError("it lies beyond all bounds")
        ring = flatten(placed)[:, ::-1]
        room -= len(ring)
        if room < 0:
            raise ValueError(f"it needs more than {MOST_CORNERS:,} corners")
        if len(np.unique(ring, axis=0)) > 2:
            rings.append(ring)
    return rings


@lru_cache(64)  # styles of a group are asked for each element in it, and may be long
def _is_moved(style: str) -> bool:
    return bool(_MOVED.search(style))


def _as_path(tag: str, attributes: dict[str, str]) -> str:
    """A shape as the `d` of a path."""
    if tag == "path":
        return attributes.get("d", "")
    if tag in ("polygon", "polyline"):
        points = attributes.get("points", "").strip()
        return f"M{points}" if points else ""
    if tag == "rect":
        x, y, width, height = (
            length_of(attributes, name) for name in ("x", "y", "width", "height")
        )
        rx, ry = length_of(attributes, "rx"), length_of(attributes, "ry")
        rx, ry = min(rx or ry, width / 2), min(ry or rx, height / 2)
        across, down = width - 2 * rx, height - 2 * ry
        return (
            f"M{x + rx} {y}h{across}a{rx} {ry} 0 0 1 {rx} {ry}v{down}a{rx} {ry} 0 0 1 {-rx} {ry}"
            f"h{-across}a{rx} {ry} 0 0 1 {-rx} {-ry}v{-down}a{rx} {ry} 0 0 1 {rx} {-ry}"
        )
    x, y = length_of(attributes, "cx"), length_of(attributes, "cy")
    radii = ("r", "r") if tag == "circle" else ("rx", "ry")
    rx, ry = (length_of(attributes, name) for name in radii)
    half = f"a{rx} {ry} 0 0 1"
    return f"M{x - rx} {y}{half} {2 * rx} 0{half} {-2 * rx} 0"
