"""Data sets of others in COCO's format, one JSON for all images, as a mask for each image.

Pixels as in `coco`: those whose centres are inside a polygon; the union of several polygons; run
lengths as they are. Where nuclei overlap, the first keeps the pixels. Of several categories those
that are called after nuclei are taken, if there are any.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from nucseg_tf.annotation.exchange.coco import Annotation, Image, Instances, place
from nucseg_tf.annotation.exchange.drawn import Drawn, within_limits
from nucseg_tf.annotation.exchange.outcome import Outcome, Progress
from nucseg_tf.errors import DataError, LabelError, UsageError
from nucseg_tf.io import limits
from nucseg_tf.io.archives import validated
from nucseg_tf.io.documents import read_json
from nucseg_tf.io.files import ensure_folder
from nucseg_tf.io.labels import write_labels
from nucseg_tf.io.tables import write_failures


def bring(file: Path, folder: Path, progress: Progress) -> Outcome:
    """Write masks/STEM.tif for each image of a data set.

    Args:
        file: COCO's JSON.
        folder: gets masks/, and failures.csv if images had to be left out.
        progress: called after each image; says whether to go on.

    Raises:
        UsageError: there is no such file, or a mask exists.
        DataError: it is no COCO, or damaged, or two images would have the same mask.
    """
    if not file.is_file():
        raise UsageError(f"{file}: no such file")
    content = validated(Instances, read_json(str(file), file.read_bytes()), str(file))
    targets = _targets(file, content.images, folder / "masks")
    chosen = {c.id for c in content.categories if "nucle" in c.name.lower()}
    chosen = chosen or {c.id for c in content.categories}
    entries: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for entry in content.annotations:
        entries[str(entry.get("image_id"))].append(entry)
    ensure_folder(folder / "masks")
    outcome = Outcome()
    for number, (image, target) in enumerate(zip(content.images, targets, strict=True), start=1):
        try:
            found = entries[str(image.id)]
            write_labels(target, _draw(image, found, chosen, f"{file}: {image.file_name}"))
            outcome.done.append(target.stem)
        except DataError as error:
            outcome.failures.append((target.stem, str(error)))
        if not progress(number, len(targets), target.stem):
            outcome.stopped = True
            break
    write_failures(folder, outcome.failures)
    return outcome


def _targets(file: Path, images: list[Image], folder: Path) -> list[Path]:
    """The mask of each image."""
    stems = [Path(re.split(r"[/\\]", image.file_name)[-1]).stem for image in images]
    twice = [stem for stem, count in Counter(stems).items() if count > 1 or not stem]
    if twice:
        raise DataError(f"{file}: several images are called {twice[0]!r}; give each its own name")
    targets = [folder / f"{stem}.tif" for stem in stems]
    there = [target for target in targets if target.exists()]
    if there:
        raise UsageError(
            f"{there[0]}: exists already ({len(there)} masks do); choose another folder, or remove "
            "them"
        )
    return targets


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
    drawn = (Drawn(*place(i, shape, where)) for i in items if i.category_id in chosen)
    labels = np.zeros(shape, np.int32)
    for number, nucleus in enumerate(within_limits(drawn, shape, where), start=1):
        height, width = nucleus.mask.shape
        window = labels[nucleus.top : nucleus.top + height, nucleus.left : nucleus.left + width]
        window[nucleus.mask & (window == 0)] = number
    return labels
