"""Data sets as "CVAT for images 1.1", one XML for all images.

    <annotations>
      <image id name width height>
        <polygon label points="x,y;x,y;..." z_order group_id/>
        <mask label rle left top width height z_order group_id/>
        <box label xtl ytl xbr ybr rotation z_order group_id/>
        <ellipse label cx cy rx ry rotation z_order group_id/>

Pixel (x, y) is the square up to (x + 1, y + 1). Run lengths are of 0, 1, 0, ... row by row in their
box. What has the same group_id, but 0, is one nucleus; the higher z_order lies on top, and of equal
ones the later. Of several labels those that are called after nuclei are taken, if there are any.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from nucseg_tf.annotation.exchange.rle import crop_runs
from nucseg_tf.annotation.exchange.sets import LabelSet, choose
from nucseg_tf.errors import DataError, LabelError, UsageError
from nucseg_tf.io import limits
from nucseg_tf.io.filled import SLACK, Part, fill, paint
from nucseg_tf.io.plain_xml import Element, read_elements
from nucseg_tf.io.polygons import ellipse

AREAS = ("polygon", "mask", "box", "ellipse")
SHAPES = (*AREAS, "polyline", "points", "cuboid", "skeleton")
MOST_SHAPES = 1_000_000  # on one image; bounds the memory of short ones, 1 kB each
REMEDY = "Export it again from CVAT, as `CVAT for images 1.1`."
Drawing = tuple[dict[str, str], list[Element]]  # attributes of an image, and the shapes on it


def read_set(file: Path, data: bytes | None = None) -> LabelSet:
    """The images of a data set; their shapes are read again when they are drawn.

    Args:
        file: the XML.
        data: its content, where it is no file of its own.

    Raises:
        UsageError: there is no such file.
        DataError: it is no XML of CVAT for images, or damaged.
    """
    if data is None and not file.is_file():
        raise UsageError(f"{file}: no such file")
    names: list[str] = []
    labels: Counter[str] = Counter()
    for image, shapes in _drawings(file, data):
        names.append(image.get("name", ""))
        labels.update(_label(shape) for shape in shapes)
    if not names:
        raise DataError(f"{file}: has no images. {REMEDY}")
    chosen = choose(file, labels)
    draw = (
        partial(_draw, image, [s for s in shapes if _label(s) in chosen], f"{file}: {name}")
        for name, (image, shapes) in zip(names, _drawings(file, data), strict=True)
    )
    return LabelSet(names, draw, frozenset(labels))


def _label(shape: Element) -> str:
    return shape.attributes.get("label", "")


def _drawings(file: Path, data: bytes | None) -> Iterator[Drawing]:
    """Each image, with no more than its own shapes in memory."""
    shapes: list[Element] = []
    for element in read_elements(file, data=data):
        tags = [tag for tag, _ in element.around] or [element.tag]
        if tags[0] != "annotations":
            raise DataError(f"{file}: is no XML of CVAT, but of {tags[0][:40]!r}. {REMEDY}")
        if element.tag == "track":
            raise DataError(f"{file}: has tracks of a video. {REMEDY}")
        if tags[1:] == ["image"] and element.tag in SHAPES:
            shapes.append(element)
            if len(shapes) > MOST_SHAPES:
                raise DataError(f"{file}: has an image with more than {MOST_SHAPES:,} shapes")
        if element.tag == "image" and len(element.around) == 1:
            yield element.attributes, shapes
            shapes = []


def _draw(image: dict[str, str], shapes: list[Element], where: str) -> np.ndarray:
    """Labels (H, W) int32, 1..N from the lowest to what lies on top."""
    try:
        size = (int(image["height"]), int(image["width"]))
    except (KeyError, ValueError) as error:
        raise LabelError(f"{where}: its height and width are not given. {REMEDY}") from error
    if min(size) <= 0:
        raise LabelError(f"{where}: is {size[0]} x {size[1]} px. {REMEDY}")
    limits.check(size, np.dtype(np.int32).itemsize, where)
    numbered = [(f"{where}: {shape.tag} {n}", shape) for n, shape in enumerate(shapes, start=1)]
    numbered.sort(key=lambda item: _number(item[0], item[1], "z_order", 0))
    groups: dict[str, list[tuple[str, Element]]] = {}
    for name, shape in numbered:
        group = shape.attributes.get("group_id", "0")
        groups.setdefault(name if group in ("", "0") else group, []).append((name, shape))
    nuclei = ((_part(name, shape, size) for name, shape in group) for group in groups.values())
    return paint(where, nuclei, size, last_on_top=True)


def _number(where: str, shape: Element, name: str, default: float | None = None) -> float:
    """A number among the attributes of a shape."""
    text = shape.attributes.get(name)
    try:
        value = default if text is None else float(text)
    except ValueError:
        value = None
    if value is None or not abs(value) < limits.GB:
        raise LabelError(f"{where}: its {name} is {str(text)[:40]!r}. {REMEDY}")
    return value


def _part(where: str, shape: Element, size: tuple[int, int]) -> Part:
    """The pixels of a shape."""
    if shape.tag == "polygon":
        return fill(where, [_corners(where, shape)], size)
    if shape.tag == "mask":
        return _mask(where, shape, size)
    if shape.tag not in AREAS:
        raise LabelError(
            f"{where}: a {shape.tag} has no area. Delete it in CVAT, or draw it as polygon or mask."
        )
    turn = math.radians(_number(where, shape, "rotation", 0))
    reach = float(max(size))  # what is turned may lie over the edge
    if shape.tag == "ellipse":
        cx, cy, rx, ry = (_number(where, shape, name) for name in ("cx", "cy", "rx", "ry"))
        if min(rx, ry) <= 0:
            raise LabelError(f"{where}: has no area. Delete it in CVAT.")
        return fill(where, [ellipse((cy, cx), (ry, rx), turn)], size, reach)
    names = ("xtl", "ytl", "xbr", "ybr")
    left, top, right, bottom = (_number(where, shape, name) for name in names)
    x, y = (left + right) / 2, (top + bottom) / 2
    cos, sin = math.cos(turn), math.sin(turn)
    corners = [(left - x, top - y), (right - x, top - y), (right - x, bottom - y)]
    corners.append((left - x, bottom - y))
    ring = np.array([(y + dx * sin + dy * cos, x + dx * cos - dy * sin) for dx, dy in corners])
    return fill(where, [ring], size, reach if turn else SLACK)


def _corners(where: str, shape: Element) -> np.ndarray:
    """(N, 2) float (row, column) of a polygon."""
    pairs = shape.attributes.get("points", "").split(";")
    try:
        corners = np.array([[float(v) for v in pair.split(",")] for pair in pairs])
    except ValueError:
        corners = np.zeros((0, 0))
    if corners.ndim != 2 or corners.shape[1:] != (2,) or len(corners) < 3:
        raise LabelError(f"{where}: its points are not x,y;x,y;... of three or more. {REMEDY}")
    return corners[:, ::-1]


def _mask(where: str, shape: Element, size: tuple[int, int]) -> Part:
    """The pixels of run lengths."""
    names = ("top", "left", "height", "width")
    top, left, height, width = (int(_number(where, shape, name)) for name in names)
    bottom, right = top + height, left + width
    inside = 0 <= top < bottom <= size[0] and 0 <= left < right <= size[1]
    try:
        lengths = [int(text) for text in shape.attributes.get("rle", "").split(",")]
    except ValueError:
        lengths = []
    if not inside or min(lengths, default=-1) < 0 or sum(lengths) != height * width:
        raise LabelError(
            f"{where}: its run lengths do not fill its box of {height} x {width} px, or the box "
            f"does not lie in the image of {size[0]} x {size[1]}. {REMEDY}"
        )
    # Some programs write every mask as large as the image; only its nucleus counts as covered.
    column, row, turned = crop_runs(np.array(lengths, np.int64), width)
    mask = turned.T
    top, left = top + row, left + column
    return (top, left, top + mask.shape[0], left + mask.shape[1]), mask
