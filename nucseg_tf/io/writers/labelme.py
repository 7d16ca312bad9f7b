"""Nuclei as a file of labelme, in which they can be corrected; `io.labelme` reads them again."""

from __future__ import annotations

import base64
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nucseg_tf.io.files import atomic_path
from nucseg_tf.io.filled import fill
from nucseg_tf.io.outlines import signed_area, trace
from nucseg_tf.io.tables import Table
from nucseg_tf.io.writers.base import Writer
from nucseg_tf.types import Image, Instances

VERSION = "5.5.0"  # of labelme, whose files these are like


class LabelmeWriter(Writer):
    """See `write_labelme`."""

    ending = "_labelme.json"  # a name of its own: run.json beside it is the record of the run
    help = "also write STEM_labelme.json for labelme"

    def write(self, path: Path, image: Image, found: Instances, table: Table) -> None:
        """Write the outlines, over the image where it is."""
        write_labelme(path, found.labels, os.path.relpath(image.path, path.parent))


def write_labelme(path: str | os.PathLike[str], labels: np.ndarray, image: str) -> None:
    """Write a JSON that labelme opens, and that gives back the very pixels.

    A nucleus is a polygon; pieces of one are a group. What has holes, which polygons of labelme
    cannot have, is a mask.

    Args:
        path: the JSON file.
        labels: (H, W) integers, 0 background.
        image: path of the image, from the folder of the file.

    Raises:
        OutputError: the file cannot be written.
    """
    height, width = labels.shape
    shapes = [
        shape for label, rings in trace(labels) for shape in _shapes(label, rings, (height, width))
    ]
    content = {"version": VERSION, "flags": {}, "shapes": shapes, "imagePath": image}
    size = {"imageData": None, "imageHeight": height, "imageWidth": width}
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content | size), encoding="utf-8")


def _shapes(
    label: int, rings: list[np.ndarray], shape: tuple[int, int]
) -> Iterator[dict[str, Any]]:
    """The shapes of a nucleus."""
    common: dict[str, Any] = {"label": "nucleus", "description": str(label), "flags": {}}
    if all(signed_area(ring) > 0 for ring in rings):
        group = label if len(rings) > 1 else None
        for ring in rings:
            points = ring[:, ::-1].astype(float).tolist()
            kind = {"group_id": group, "shape_type": "polygon", "mask": None}
            yield common | {"points": points} | kind
        return
    box, mask = fill(str(label), [ring.astype(float) for ring in rings], shape)
    ends = [[float(box[1]), float(box[0])], [box[3] - 1.0, box[2] - 1.0]]
    kind = {"group_id": None, "shape_type": "mask", "mask": _png(mask)}
    yield common | {"points": ends} | kind


def _png(mask: np.ndarray) -> str:
    from PIL import Image as Pillow

    buffer = io.BytesIO()
    Pillow.fromarray(mask.astype(np.uint8)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


WRITER = LabelmeWriter()
