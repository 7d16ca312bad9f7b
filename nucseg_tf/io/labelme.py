"""Nuclei drawn in labelme, whose files are STEM.json: one an image, with its size.

Points are (x, y), where pixel (x, y) is the square up to (x + 1, y + 1). Shapes with the same label
and group_id are one nucleus. What is drawn later lies on top, as in labelme's own label images.
"""

from __future__ import annotations

import base64
import logging
import math
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, Field

from nucseg_tf.errors import LabelError
from nucseg_tf.io import limits
from nucseg_tf.io.archives import validated
from nucseg_tf.io.documents import MAX_READ, read_json
from nucseg_tf.io.filled import Part, fill, paint
from nucseg_tf.io.names import nuclei_among
from nucseg_tf.io.png_mask import decode_mask
from nucseg_tf.io.polygons import ellipse

LOG = logging.getLogger(__name__)
Coordinate = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
NO_NUCLEI = {"_background_", "__ignore__"}  # classes that labelme gives a meaning of their own
MARK = b'"shapes"'  # no other JSON that may lie beside images has this key


class _Shape(BaseModel):
    label: str | None = None
    points: list[tuple[Coordinate, Coordinate]]
    shape_type: str | None = None  # none in old files, which have polygons alone
    group_id: int | str | None = None
    mask: str | None = None


class _File(BaseModel):
    shapes: list[_Shape]
    height: Annotated[int, Field(gt=0, alias="imageHeight")]
    width: Annotated[int, Field(gt=0, alias="imageWidth")]


def is_labelme(path: Path) -> bool:
    """Whether a JSON is one of labelme, by a word in it."""
    try:
        return path.stat().st_size <= MAX_READ and MARK in path.read_bytes()
    except OSError:
        return False


def read_labelme(path: Path) -> np.ndarray:
    """Labels (H, W) int32, 1..N in the order of the file.

    Of several classes those that are called after nuclei are taken, if there are any.

    Raises:
        LabelError, DataError: it cannot be read, or has shapes that are no outlines.
    """
    if path.stat().st_size > MAX_READ:
        raise LabelError(f"{path}: larger than {MAX_READ >> 20} MiB; save it without imageData")
    content = read_json(str(path), path.read_bytes())
    if not (isinstance(content, dict) and "shapes" in content):
        raise LabelError(
            f"{path}: is no file of labelme, which has shapes, imageHeight and imageWidth. Labels "
            "of a COCO set come in by `nucseg convert SET.json DATA --to labels`; move what holds "
            "no labels elsewhere."
        )
    drawn = validated(_File, content, str(path))
    size = (drawn.height, drawn.width)
    limits.check(size, np.dtype(np.int32).itemsize, path)
    groups: dict[Any, list[tuple[str, _Shape]]] = {}
    for number, shape in _chosen(path, drawn.shapes):
        key = number if shape.group_id is None else (shape.label, shape.group_id)
        groups.setdefault(key, []).append((f"{path}: shape {number}", shape))
    if len(groups) == 1 and (count := len(next(iter(groups.values())))) > 2:
        LOG.warning(
            "%s: all %d shapes have the same group_id, so they are one nucleus", path, count
        )
    nuclei = ((_part(where, shape, size) for where, shape in g) for g in groups.values())
    return paint(path, nuclei, size, last_on_top=True)


def _chosen(path: Path, shapes: list[_Shape]) -> list[tuple[int, _Shape]]:
    """Shapes of nuclei, with their numbers from 1."""
    classes = Counter(shape.label or "" for shape in shapes)
    nuclei = nuclei_among(classes.keys() - NO_NUCLEI)
    if others := {name: count for name, count in classes.items() if name not in nuclei}:
        told = ", ".join(f"{count} of {name!r}" for name, count in [*others.items()][:5])
        LOG.warning("%s: shapes left out, which are called otherwise than nuclei: %s", path, told)
    return [(n, s) for n, s in enumerate(shapes, start=1) if (s.label or "") in nuclei]


def _part(where: str, shape: _Shape, size: tuple[int, int]) -> Part:
    """The pixels of a shape."""
    kind = shape.shape_type or "polygon"
    corners = np.array(shape.points, float).reshape(-1, 2)[:, ::-1]
    if kind in ("polygon", "oriented_rectangle") and len(corners) > 2:
        return fill(where, [corners], size)
    if kind == "rectangle" and len(corners) == 2:
        (y0, x0), (y1, x1) = corners
        return fill(where, [np.array([(y0, x0), (y0, x1), (y1, x1), (y1, x0)])], size)
    if kind == "circle" and len(corners) == 2:
        radius = math.dist(*corners)
        if radius > 0:
            (row, column), reach = corners[0].tolist(), float(max(size))
            return fill(where, [ellipse((row, column), (radius, radius))], size, reach)
    if kind == "mask" and len(corners) == 2 and shape.mask is not None:
        return _bitmap(where, shape.mask, corners, size)
    raise LabelError(
        f"{where}: a {kind[:40]} of {len(corners)} points has no area. Delete it in labelme, or "
        "draw it as polygon, rectangle, circle or mask."
    )


def _bitmap(where: str, text: str, corners: np.ndarray, size: tuple[int, int]) -> Part:
    """The pixels of a mask: a PNG in base64, and the first and last pixel of its box."""
    try:
        mask = decode_mask(base64.b64decode(text, validate=True), size)
    except ValueError as error:
        raise LabelError(f"{where}: its mask cannot be read: {error}. Draw it anew.") from error
    top, left = (round(value) for value in corners[0].tolist())
    bottom, right = top + mask.shape[0], left + mask.shape[1]
    # The last pixel of the box is of the mask; some programs name the one after it.
    odd = np.abs(corners[1] - (bottom, right) + 0.5).max() > 1
    if odd or top < 0 or left < 0 or bottom > size[0] or right > size[1]:
        raise LabelError(
            f"{where}: its mask of {mask.shape[0]} x {mask.shape[1]} px does not fit its box, or "
            f"the image of {size[0]} x {size[1]} px. Draw it anew."
        )
    return (top, left, bottom, right), mask
