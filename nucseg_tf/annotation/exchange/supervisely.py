"""Supervisely projects, after https://developer.supervisely.com (annotation format).

    meta.json                   classes and tags
    DATASET/img/NAME.png        images
    DATASET/ann/NAME.png.json   one file an image: size, description, tags, objects

Two classes, both of shape "any", so that brush and polygon can be mixed: `nucleus`, and `neighbour`
for nuclei that are corrected in another region. The tag `nucleus_id` carries a nucleus's label.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, Field

from nucseg_tf.annotation.exchange.bitmaps import Bitmap, encode_bitmap, place_bitmap
from nucseg_tf.annotation.exchange.drawn import (
    MAX_OBJECTS,
    NEIGHBOUR,
    NUCLEUS,
    TAG,
    Drawn,
    Reader,
    as_label,
    within_limits,
)
from nucseg_tf.annotation.exchange.polygons import Polygon, place_polygons, to_points
from nucseg_tf.errors import LabelError
from nucseg_tf.io.archives import Source, validated

COLOURS = {NUCLEUS: "#00C8FF", NEIGHBOUR: "#808080"}
ANNOTATION = re.compile(r"(?:.*/)?ann/([^/]+)\.json")


class _Size(BaseModel):
    height: Annotated[int, Field(gt=0)]
    width: Annotated[int, Field(gt=0)]


class Object(BaseModel):
    title: str = Field(alias="classTitle")
    geometry: str = Field("", alias="geometryType")
    tags: list[dict[str, Any]] = []
    bitmap: Bitmap | None = None
    points: Polygon | None = None
    parts: list[Polygon] = []


class Annotation(BaseModel):
    size: _Size
    objects: list[Object] = Field(max_length=MAX_OBJECTS)

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) of the image."""
        return self.size.height, self.size.width


# --- writing ---------------------------------------------------------------------------------


def meta() -> dict[str, Any]:
    """The content of meta.json."""
    classes = [
        {"title": title, "shape": "any", "color": colour, "geometry_config": {}, "hotkey": ""}
        for title, colour in COLOURS.items()
    ]
    tag = {
        "name": TAG,
        "value_type": "any_number",
        "color": "#FFC800",
        "hotkey": "",
        "applicable_type": "objectsOnly",
        "classes": [],
    }
    return {"classes": classes, "tags": [tag], "projectType": "images"}


def annotation(
    drawn: Iterable[Drawn], shape: tuple[int, int], description: str, polygons: bool
) -> dict[str, Any]:
    """The content of ann/NAME.json.

    Args:
        drawn: nuclei on the image.
        shape: (H, W) of the image.
        description: for the annotator.
        polygons: write polygons where they are exact; bitmaps otherwise.
    """
    return {
        "description": description,
        "tags": [],
        "size": {"height": shape[0], "width": shape[1]},
        "objects": [_to_object(nucleus, polygons) for nucleus in drawn],
    }


def _to_object(nucleus: Drawn, polygons: bool) -> dict[str, Any]:
    tags = [] if nucleus.label is None else [{"name": TAG, "value": nucleus.label}]
    points = to_points(nucleus) if polygons else None
    entry = {
        "description": "",
        "geometryType": "polygon" if points else "bitmap",
        "tags": tags,
        "classTitle": NEIGHBOUR if nucleus.neighbour else NUCLEUS,
    }
    if points:
        return entry | {"points": points}
    bitmap = {"data": encode_bitmap(nucleus.mask), "origin": [nucleus.left, nucleus.top]}
    return entry | {"bitmap": bitmap}


# --- reading ---------------------------------------------------------------------------------


def find(source: Source) -> list[tuple[str, Reader]]:
    """The annotated images of a project: name, and what reads the nuclei on it.

    A reader takes the (H, W) that the image should have.
    """
    return [(image, _reader(source, name)) for image, name in annotated(source)]


def annotated(source: Source) -> list[tuple[str, str]]:
    """The images of a project, and the files with their annotations."""
    found = ((ANNOTATION.fullmatch(name), name) for name in source.names)
    return [(match[1], name) for match, name in found if match]


def read_annotation(source: Source, name: str) -> Annotation:
    """What a file of annotations says.

    Raises:
        DataError: it is damaged.
    """
    content = source.json(name)
    if isinstance(content, dict) and "annotation" in content:  # as their API wraps it
        content = content["annotation"]
    return validated(Annotation, content, f"{source.path}: {name}")


def _reader(source: Source, name: str) -> Reader:
    where = f"{source.path}: {name}"

    def read(shape: tuple[int, int]) -> list[Drawn]:
        entry = read_annotation(source, name)
        size = entry.shape
        if size != shape:
            raise LabelError(
                f"{where}: the image is {size[0]} x {size[1]} px, but was exported with "
                f"{shape[0]} x {shape[1]}. Annotate images in the size they were exported in."
            )
        objects = enumerate(entry.objects, start=1)
        return within_limits(
            (_from_object(item, shape, f"{where}: object {number}") for number, item in objects),
            *(shape, where),
        )

    return read


def _from_object(item: Object, shape: tuple[int, int], where: str) -> Drawn:
    if item.title not in COLOURS:
        raise LabelError(
            f"{where}: is of class {item.title!r}; expected {NUCLEUS!r} or {NEIGHBOUR!r}. Change "
            "its class, or delete it."
        )
    values = [tag.get("value") for tag in item.tags if tag.get("name") == TAG]
    label = as_label(values[0] if values else None)
    return Drawn(*place(item, shape, where), label, item.title == NEIGHBOUR)


def place(item: Object, shape: tuple[int, int], where: str) -> tuple[int, int, np.ndarray]:
    """Row, column and mask of an object on an image of (H, W).

    Raises:
        LabelError: it is damaged, or no area.
    """
    if item.bitmap:
        return place_bitmap(item.bitmap, shape, where)
    if item.geometry == "polygon" and item.points:
        return place_polygons([item.points], shape, where)
    if item.parts:  # a multipolygon
        return place_polygons(item.parts, shape, where)
    raise LabelError(
        f"{where}: is a {item.geometry or 'figure'}; expected a bitmap (brush) or a polygon. "
        "Draw it anew as one of these, or delete it."
    )
