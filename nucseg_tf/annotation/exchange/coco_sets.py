"""Data sets of others in COCO's format, one JSON for all images.

Pixels as in `coco`: those whose centres are inside a polygon; the union of several polygons; run
lengths as they are. Where nuclei overlap, the first keeps the pixels. Of several categories those
that are called after nuclei are taken, if there are any.
"""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nucseg_tf.annotation.exchange.coco import Annotation, Image, Instances, place
from nucseg_tf.annotation.exchange.sets import LabelSet
from nucseg_tf.errors import LabelError, UsageError
from nucseg_tf.io import limits
from nucseg_tf.io.archives import validated
from nucseg_tf.io.documents import read_json
from nucseg_tf.io.filled import Part, paint
from nucseg_tf.io.names import nuclei_among


def read_set(file: Path) -> LabelSet:
    """The images of a data set.

    Raises:
        UsageError: there is no such file.
        DataError: it is no COCO, or damaged.
    """
    if not file.is_file():
        raise UsageError(f"{file}: no such file")
    content = validated(Instances, read_json(str(file), file.read_bytes()), str(file))
    nuclei = nuclei_among(category.name for category in content.categories)
    chosen = {category.id for category in content.categories if category.name in nuclei}
    entries: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for entry in content.annotations:
        entries[str(entry.get("image_id"))].append(entry)
    names = [image.file_name for image in content.images]
    draw = (
        partial(_draw, image, entries[str(image.id)], chosen, f"{file}: {image.file_name}")
        for image in content.images
    )
    return LabelSet(names, draw)


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
