"""COCO instances, as CVAT imports and exports them.

    annotations/instances_default.json    images, categories, annotations
    images/NAME.png

Categories are `nucleus` and `neighbour` (corrected in another region); CVAT ignores the attribute
`nucleus_id` unless the task's label has one of that name, and nuclei are then told by their place.

A polygon runs along the edges of pixels, in COCO's coordinates: pixel (x, y) is the square up to
(x + 1, y + 1). A COCO polygon has no holes, and CVAT makes several polygons several shapes; so
nuclei with holes or in pieces are written as run lengths (RLE), column by column, with iscrowd 1,
which is how CVAT writes masks.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, Field

from nucseg_tf.annotation.exchange.drawn import (
    MAX_COVER,
    NEIGHBOUR,
    NUCLEUS,
    TAG,
    Drawn,
    Reader,
    as_label,
    tight,
    within_limits,
)
from nucseg_tf.annotation.exchange.rle import Runs, encode_runs, place_runs
from nucseg_tf.errors import DataError, LabelError
from nucseg_tf.io.archives import Source, validated
from nucseg_tf.io.boxes import enclosing, slices
from nucseg_tf.io.outlines import outlines
from nucseg_tf.io.polygons import polygon_mask

FILE = "annotations/instances_default.json"
INSTANCES = re.compile(r"(?:.*/)?instances_[^/]+\.json")
CATEGORIES = {NUCLEUS: 1, NEIGHBOUR: 2}
MAX_CROSSINGS = 50_000_000  # corners times rows of a polygon; bounds the memory to fill it
Coordinate = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]


class Image(BaseModel):
    id: int
    file_name: str
    width: int | None = None
    height: int | None = None


class _Category(BaseModel):
    id: int
    name: str


class Instances(BaseModel):
    images: list[Image]
    categories: list[_Category]
    annotations: list[dict[str, Any]]


class Annotation(BaseModel):
    category_id: int
    segmentation: Runs | list[list[Coordinate]]
    attributes: dict[str, Any] = {}


# --- writing ---------------------------------------------------------------------------------


def instances(images: Iterable[tuple[str, tuple[int, int], list[Drawn]]], polygons: bool) -> dict:
    """The content of the file.

    Args:
        images: name, (H, W) and nuclei of each.
        polygons: write polygons where they are exact; run lengths otherwise.
    """
    content: dict[str, Any] = {
        "licenses": [{"name": "", "id": 0, "url": ""}],
        "info": {"description": "nuclei", "version": "", "year": "", "date_created": ""},
        "categories": [
            {"id": number, "name": name, "supercategory": ""} for name, number in CATEGORIES.items()
        ],
        "images": [],
        "annotations": [],
    }
    for number, (name, shape, drawn) in enumerate(images, start=1):
        size = {"width": shape[1], "height": shape[0]}
        content["images"].append({"id": number, "file_name": name, "license": 0, **size})
        for nucleus in drawn:
            entry = {"id": len(content["annotations"]) + 1, "image_id": number}
            content["annotations"].append(entry | _to_annotation(nucleus, shape, polygons))
    return content


def _to_annotation(nucleus: Drawn, shape: tuple[int, int], polygons: bool) -> dict[str, Any]:
    height, width = nucleus.mask.shape
    rings = outlines(nucleus.mask.astype(np.int32))[1] if polygons else []
    single = len(rings) == 1
    corner = np.array([nucleus.top, nucleus.left])
    segmentation: Any = {"size": list(shape), "counts": encode_runs(nucleus, shape)}
    if single:
        segmentation = [(rings[0] + corner)[:, ::-1].ravel().tolist()]
    return {
        "category_id": CATEGORIES[NEIGHBOUR if nucleus.neighbour else NUCLEUS],
        "segmentation": segmentation,
        "area": int(nucleus.mask.sum()),
        "bbox": [nucleus.left, nucleus.top, width, height],
        "iscrowd": int(not single),
        "attributes": {} if nucleus.label is None else {TAG: nucleus.label},
    }


# --- reading ---------------------------------------------------------------------------------


def find(source: Source) -> list[tuple[str, Reader]]:
    """The annotated images of an export: name, and what reads the nuclei on it.

    A reader takes the (H, W) that the image should have.

    Raises:
        DataError: a file of annotations is damaged.
    """
    found: list[tuple[str, Reader]] = []
    for name in filter(INSTANCES.fullmatch, source.names):
        where = f"{source.path}: {name}"
        content = validated(Instances, source.json(name), where)
        titles = {category.id: category.name for category in content.categories}
        by_image: dict[Any, list[dict]] = defaultdict(list)
        for entry in content.annotations:
            by_image[_hashable(entry.get("image_id"))].append(entry)
        known = {image.id for image in content.images}
        if lost := set(by_image) - known:
            raise DataError(
                f"{where}: has annotations of images that it does not list: "
                f"{sorted(map(str, lost))[:5]}. Export it again."
            )
        for image in content.images:
            file = re.split(r"[/\\]", image.file_name)[-1]
            found.append((file, _reader(image, by_image[image.id], titles, where)))
    return found


def _hashable(value: Any) -> Any:
    return value if isinstance(value, int) else repr(value)


def _reader(image: Image, entries: list[dict], titles: dict[int, str], where: str) -> Reader:
    def read(shape: tuple[int, int]) -> list[Drawn]:
        name = f"{where}: {image.file_name}"
        size = (image.height or shape[0], image.width or shape[1])
        if size != shape:
            raise LabelError(
                f"{name}: the image is {size[0]} x {size[1]} px, but was exported with "
                f"{shape[0]} x {shape[1]}. Annotate images in the size they were exported in."
            )
        drawn = (
            _from_annotation(
                entry, shape, titles, f"{name}: annotation {str(entry.get('id'))[:20]}"
            )
            for entry in entries
        )
        return within_limits(drawn, shape, name)

    return read


def _from_annotation(
    entry: dict, shape: tuple[int, int], titles: dict[int, str], where: str
) -> Drawn:
    item = validated(Annotation, entry, where)
    title = titles.get(item.category_id)
    if title not in CATEGORIES:
        raise LabelError(
            f"{where}: is of category {title!r}; expected {NUCLEUS!r} or {NEIGHBOUR!r}. Change its "
            "label, or delete it."
        )
    return Drawn(*place(item, shape, where), as_label(item.attributes.get(TAG)), title == NEIGHBOUR)


def place(item: Annotation, shape: tuple[int, int], where: str) -> tuple[int, int, np.ndarray]:
    """Row, column and mask of an annotation on an image of (H, W).

    Raises:
        LabelError: it is damaged, or of another size.
    """
    if isinstance(item.segmentation, Runs):
        return place_runs(item.segmentation, shape, where)
    return _place_polygons(item.segmentation, shape, where)


def _place_polygons(
    polygons: list[list[float]], shape: tuple[int, int], where: str
) -> tuple[int, int, np.ndarray]:
    """Row, column and mask of the union of polygons x, y, x, y, ...: pixels with centres inside."""
    placed, room = [], MAX_COVER * shape[0] * shape[1]
    for numbers in polygons:
        if len(numbers) < 6 or len(numbers) % 2 or len(numbers) * shape[0] > MAX_CROSSINGS:
            raise LabelError(
                f"{where}: a polygon of {len(numbers)} numbers; expected x, y of three corners or "
                "more. Draw it anew, or delete it."
            )
        placed.append(polygon_mask(np.array(numbers).reshape(-1, 2)[:, ::-1], shape))
        room -= placed[-1][1].size
        if room < 0:
            raise LabelError(f"{where}: covers the image more than {MAX_COVER} times. Delete it.")
    if not placed:
        raise LabelError(
            f"{where}: has no outline, only a box. Draw a polygon or a mask, or delete it."
        )
    frame = enclosing([box for box, _ in placed])
    mask = np.zeros((frame[2] - frame[0], frame[3] - frame[1]), bool)
    for box, part in placed:
        y0, x0 = box[0] - frame[0], box[1] - frame[1]
        mask[slices((y0, x0, y0 + part.shape[0], x0 + part.shape[1]))] |= part
    return tight(mask, *frame[:2])
