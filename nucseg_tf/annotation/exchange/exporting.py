"""A labelled data set as a project of an annotation tool.

Fields are cut into regions (see `regions`), each an image with its nuclei. Images are 8-bit PNG,
stretched by percentiles of the whole field; labels are exact.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nucseg_tf.annotation.editor.history import has_open_edits
from nucseg_tf.annotation.editor.project import ANNOTATION
from nucseg_tf.annotation.exchange import coco, sidecar, supervisely
from nucseg_tf.annotation.exchange.drawn import Drawn
from nucseg_tf.annotation.exchange.outcome import Outcome, Progress
from nucseg_tf.annotation.exchange.places import find_labels
from nucseg_tf.annotation.exchange.regions import cut, shown, to_grey
from nucseg_tf.annotation.exchange.sidecar import ExportedField
from nucseg_tf.annotation.prelabel.folder import find_images
from nucseg_tf.data.regions import read_regions, regions_path
from nucseg_tf.errors import DataError, LabelError, Signalled, UsageError
from nucseg_tf.io.archives import Write, new_project
from nucseg_tf.io.boxes import shape_of, slices
from nucseg_tf.io.choices import refuse_if_no_image_has
from nucseg_tf.io.images import check_finite, read_image
from nucseg_tf.io.labels import read_labels
from nucseg_tf.io.names import folded, stem_of

LOG = logging.getLogger(__name__)
# Name, (H, W) and nuclei of the image of a region.
Shown = tuple[str, tuple[int, int], list[Drawn]]


@dataclass(frozen=True)
class Export:
    """How fields are exported.

    Attributes:
        tool: "supervisely" or "coco".
        nuclei: about how many in a region; 0 for whole fields.
        polygons: instead of bitmaps.
        labels: folder to take labels from, or None for masks, then prelabels.
        channel: see `read_image`.
        z: see `read_image`.
        invert: see `read_image`.
    """

    tool: str
    nuclei: int
    polygons: bool
    labels: Path | None = None
    channel: str | None = None
    z: str | None = None
    invert: bool = False


def export(folder: Path, project: Path, options: Export, progress: Progress) -> Outcome:
    """Write the labelled fields of a data set as a project.

    Args:
        folder: of images/, with labels.
        project: folder or zip file to write.
        options: how.
        progress: called after each field; says whether to go on.

    Raises:
        UsageError: there are no images, or `project` exists.
        DataError: no field can be exported.
    """
    images = find_images(folder)
    if options.labels and not options.labels.is_dir():
        raise UsageError(f"--labels: {options.labels}: no such folder")
    names = _unique_names([(group, stem_of(image)) for group, image in images])
    outcome = Outcome()
    fields: list[ExportedField] = []
    contents: list[Shown] = []
    errors: list[Exception] = []
    with new_project(project) as write:
        for number, ((group, image), name) in enumerate(zip(images, names, strict=True), start=1):
            try:
                exported, labels, grey = _read_field(folder, group, image, name, options)
                contents += _write_field(write, exported, labels, grey, options)
                fields.append(exported)
                outcome.done.append(exported.key)
            except DataError as error:
                outcome.failures.append((str(image), str(error)))
                LOG.warning("left out: %s", error)
                errors.append(error)
            if not progress(number, len(images), image.name):
                raise Signalled  # leaves nothing behind
        refuse_if_no_image_has(errors, len(fields))
        if not fields:
            raise DataError(f"{folder}: nothing to export: {outcome.failures[0][1]}")
        if options.tool == "coco":
            content = coco.instances(contents, options.polygons)
            write(coco.FILE, json.dumps(content).encode())
        else:
            write("meta.json", json.dumps(supervisely.meta(), indent=1).encode())
        write(sidecar.FILE, sidecar.to_json(fields))
    return outcome


def _read_field(
    folder: Path, group: str, image: Path, name: str, options: Export
) -> tuple[ExportedField, np.ndarray, np.ndarray]:
    """A field cut into regions, its labels, and its pixels as the tool shows them."""
    path = find_labels(folder, group, stem_of(image), options.labels)
    if path is None:
        raise DataError(
            f"{image}: has no labels in {options.labels or 'masks or prelabels'}. Run `nucseg "
            "prelabel` first, or name a folder that has them with --labels."
        )
    if has_open_edits(folder / ANNOTATION / group / stem_of(image)):
        LOG.warning(
            "%s: has edits in `nucseg annotate` that are not accepted; the export has %s without "
            "them. Accept the field and export again to have them",
            image,
            path,
        )
    if read_regions(path):
        LOG.warning(
            "%s: only some regions of it are finished; the export has all its labels, and does not "
            "say which. Correct the whole field in the tool, and remove %s when it is back",
            path,
            regions_path(path),
        )
    opened = read_image(image, options.channel, options.z, invert=options.invert)
    check_finite(opened)
    labels = read_labels(path)
    if labels.shape != opened.pixels.shape:
        raise LabelError(
            f"{path}: shape {labels.shape} differs from {opened.pixels.shape} of {image}. "
            "Make the labels of this image anew."
        )
    regions = cut(labels, options.nuclei)
    digits = len(str(len(regions)))
    named = {
        f"{name}_r{number:0{digits}d}.png": region for number, region in enumerate(regions, start=1)
    }
    shape = (labels.shape[0], labels.shape[1])
    exported = ExportedField(
        group, stem_of(image), opened.pixel_size, shape, sidecar.pack(labels), named
    )
    return exported, labels, to_grey(opened.pixels)


def _write_field(
    write: Write,
    exported: ExportedField,
    labels: np.ndarray,
    grey: np.ndarray,
    options: Export,
) -> Iterator[Shown]:
    """Write the images of a field, for Supervisely with their annotations."""
    import cv2

    dataset = exported.group or "fields"
    for name, region in exported.regions.items():
        drawn = shown(labels, region)
        png = cv2.imencode(".png", grey[slices(region.box)])[1].tobytes()
        if options.tool == "coco":
            write(f"images/{name}", png)
            yield name, shape_of(region.box), drawn
            continue
        write(f"{dataset}/img/{name}", png)
        about = f"{exported.key}, rows {region.box[0]} and on, columns {region.box[1]} and on"
        content = supervisely.annotation(drawn, shape_of(region.box), about, options.polygons)
        write(f"{dataset}/ann/{name}.json", json.dumps(content).encode())


def _unique_names(keys: Sequence[tuple[str, str]]) -> list[str]:
    """STEM of each field, or GROUP_STEM, or with a number: tools put all images into one list."""
    stems = Counter(folded(stem) for _, stem in keys)
    taken: set[str] = set()
    names = []
    for group, stem in keys:
        base = name = f"{group}_{stem}" if group and stems[folded(stem)] > 1 else stem
        number = 1
        while folded(name) in taken:
            number += 1
            name = f"{base}-{number}"
        taken.add(folded(name))
        names.append(name)
    return names
