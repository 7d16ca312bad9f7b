"""Supervisely projects of others.

Bitmaps and polygons as in `supervisely`; where nuclei overlap, the later lies on top. Of several
classes those that are called after nuclei are taken, if there are any.
"""

from __future__ import annotations

from collections import Counter
from functools import partial

import numpy as np

from nucseg_tf.annotation.exchange.drawn import Drawn, within_limits
from nucseg_tf.annotation.exchange.sets import LabelSet, choose
from nucseg_tf.annotation.exchange.supervisely import annotated, place, read_annotation
from nucseg_tf.io import limits
from nucseg_tf.io.archives import Source


def read_set(source: Source) -> LabelSet:
    """The images of a project; their objects are read again when they are drawn.

    Raises:
        DataError: a file of annotations is damaged.
    """
    found = annotated(source)
    classes: Counter[str] = Counter()
    for _, name in found:
        classes.update(item.title for item in read_annotation(source, name).objects)
    chosen = choose(source.path, classes)
    draw = (partial(_draw, source, name, chosen) for _, name in found)
    return LabelSet([image for image, _ in found], draw, frozenset(classes))


def _draw(source: Source, name: str, chosen: set[str]) -> np.ndarray:
    """Labels (H, W) int32, 1..N in the order of the file."""
    entry, where = read_annotation(source, name), f"{source.path}: {name}"
    limits.check(entry.shape, np.dtype(np.int32).itemsize, where)
    items = enumerate(entry.objects, start=1)
    drawn = (
        Drawn(*place(item, entry.shape, f"{where}: object {number}"))
        for number, item in items
        if item.title in chosen
    )
    labels = np.zeros(entry.shape, np.int32)
    for number, nucleus in enumerate(within_limits(drawn, entry.shape, where), start=1):
        height, width = nucleus.mask.shape
        window = labels[nucleus.top : nucleus.top + height, nucleus.left : nucleus.left + width]
        window[nucleus.mask] = number
    return labels
