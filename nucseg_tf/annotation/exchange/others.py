"""Which data set of others a file, folder or archive is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nucseg_tf.annotation.exchange import coco_sets, cvat_sets, sidecar, supervisely_sets
from nucseg_tf.annotation.exchange.drawn import NEIGHBOUR
from nucseg_tf.annotation.exchange.sets import LabelSet
from nucseg_tf.annotation.exchange.supervisely import annotated
from nucseg_tf.errors import DataError, UsageError
from nucseg_tf.io.archives import Source, open_source
from nucseg_tf.io.documents import MAX_READ

COCO, CVAT = ".json", ".xml"
IN_ARCHIVES = re.compile(
    r"[^/]+\.xml|(?:.*/)?(?:annotations\.xml|instances_[^/]+\.json|_annotations\.coco\.json)"
)


@contextmanager
def open_set(path: Path) -> Iterator[LabelSet | None]:
    """A data set of others, open as long as its images are drawn; None of exports of our own.

    Args:
        path: a .json of COCO or .xml of CVAT for images, or a folder, zip or tar with one of them,
            or a project of Supervisely.

    Raises:
        UsageError: there is nothing, or more than one set.
        DataError: it is damaged.
    """
    if path.suffix.lower() == COCO:
        yield coco_sets.read_set(path)
    elif path.suffix.lower() == CVAT:
        yield cvat_sets.read_set(path)
    else:
        with open_source(path) as source:
            found = _within(source)
            yield found if found and NEIGHBOUR not in found.classes else None


def _within(source: Source) -> LabelSet | None:
    """The set in a folder or archive, if there is any."""
    if any(name.split("/")[-1] == sidecar.FILE for name in source.names):
        return None
    if annotated(source):
        return supervisely_sets.read_set(source)
    names = [name for name in source.names if IN_ARCHIVES.fullmatch(name)]
    if len(names) > 1:
        raise UsageError(
            f"{source.path}: holds several data sets: {', '.join(names[:5])}. Unpack it, and "
            "convert one after the other"
        )
    if not names:
        return None
    file, data = source.path / names[0], source.load(names[0], MAX_READ + 1)
    if len(data) > MAX_READ:
        raise DataError(
            f"{file}: larger than {MAX_READ >> 20} MiB. Unpack it, and convert the file."
        )
    return (coco_sets if file.suffix == COCO else cvat_sets).read_set(file, data)
