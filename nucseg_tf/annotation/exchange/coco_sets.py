"""Data sets of others in COCO's format, one JSON for all images.

Pixels as in `coco`: those whose centres are inside a polygon; the union of several polygons; run
lengths as they are. Where nuclei overlap, the first keeps the pixels. Of several categories those
that are called after nuclei are taken, if there are any.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nucseg_tf.annotation.exchange.coco import Annotation, Image, Instances, place
from nucseg_tf.annotation.exchange.sets import LabelSet, choose
from nucseg_tf.errors import DataError, LabelError, UsageError
from nucseg_tf.io import limits
from nucseg_tf.io.archives import validated
from nucseg_tf.io.documents import read_json
from nucseg_tf.io.filled import Part, paint


def read_set(file: Path, data: bytes | None = None) -> LabelSet:
    """The images of a data set.

    Args:
        file: the JSON.
        data: its content, where it is no file of its own.

    Raises:
        UsageError: there is no such file.
        DataError: it is no COCO, or damaged.
    """
    if data is None:
        if not file.is_file():
            raise UsageError(f"{file}: no such file")
        data = file.read_bytes()
    content = _content(file, read_json(str(file), data))
    titles = {category.id: category.name for category in content.categories}
    named = {str(number): title for number, title in titles.items()}
    classes = Counter(dict.fromkeys(titles.values(), 0))
    classes.update(named.get(str(entry.get("category_id")), "") for entry in content.annotations)
    nuclei = choose(file, classes)
    chosen = {number for number, title in titles.items() if title in nuclei}
    entries: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for entry in content.annotations:
        entries[str(entry.get("image_id"))].append(entry)
    names = [image.file_name for image in content.images]
    draw = (
        partial(_draw, image, entries[str(image.id)], chosen, f"{file}: {image.file_name}")
        for image in content.images
    )
    return LabelSet(names, draw, frozenset(titles.values()))


def _content(file: Path, content: Any) -> Instances:
    """What the file holds, if it is COCO."""
    if isinstance(content, dict) and "shapes" in content and "images" not in content:
        raise DataError(
            f"{file}: is of labelme, and of one image. Put it into masks/, where it is "
            "read as it is."
        )
    if not (isinstance(content, dict) and {"images", "annotations"} <= content.keys()):
        raise DataError(
            f"{file}: is no COCO, which has images, annotations and categories. Export it again, "
            "as COCO instances."
        )
    return validated(Instances, content, str(file))


def _draw(image: Image, entries: list[dict[str, Any]], chosen: set[int], where: str) -> np.ndarray:
    """Labels (H, W) int32, 1..N in the order of the file."""
    if not (image.height and image.width and min(image.height, image.width) > 0):
        raise LabelError(f"{where}: its height and width are not given")
    shape = (image.height, image.width)
    limits.check(shape, np.dtype(np.int32).itemsize, where)
    items = [
        validated(Annotation, entry, f"{where}: annotation {str(entry.get('id'))[:20]}")
        for entry in entries
    ]
    return paint(where, ([_part(i, shape, where)] for i in items if i.category_id in chosen), shape)


def _part(item: Annotation, shape: tuple[int, int], where: str) -> Part:
    """The pixels of an annotation."""
    top, left, mask = place(item, shape, where)
    return (top, left, top + mask.shape[0], left + mask.shape[1]), mask
