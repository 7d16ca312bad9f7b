"""Corrected regions from an annotation tool as masks of whole fields.

Writes masks/[GROUP/]STEM.tif (in a flat folder STEM_masks.tif beside the image), conflicts.csv (see
`merge` for what is decided how) and, if fields had to be left out, failures.csv. Masks that are
replaced are kept below annotation/.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from pathlib import Path
from typing import Any

from nucseg_tf.annotation.editor.masks import keep_mask
from nucseg_tf.annotation.editor.project import ANNOTATION
from nucseg_tf.annotation.exchange import coco, sidecar, supervisely
from nucseg_tf.annotation.exchange.drawn import Reader
from nucseg_tf.annotation.exchange.identity import Conflict
from nucseg_tf.annotation.exchange.merge import merge
from nucseg_tf.annotation.exchange.outcome import Outcome, Progress
from nucseg_tf.annotation.exchange.places import mask_of, masks_of
from nucseg_tf.annotation.exchange.sidecar import ExportedField
from nucseg_tf.data.regions import read_regions, regions_path, write_regions
from nucseg_tf.errors import DataError, OutputError, UsageError
from nucseg_tf.io.archives import Source, open_source
from nucseg_tf.io.boxes import shape_of
from nucseg_tf.io.files import atomic_path, ensure_folder, remove_temporaries_of
from nucseg_tf.io.labels import write_labels
from nucseg_tf.io.tables import without_formulas, write_failures

LOG = logging.getLogger(__name__)


def restore(
    project: Path,
    folder: Path,
    regions: Path | None,
    partial: bool,
    overwrite: bool,
    progress: Progress,
) -> Outcome:
    """Write the masks of a corrected project into a data set.

    Args:
        project: folder, zip or tar file.
        folder: data set; gets masks/[GROUP/]STEM.tif, conflicts.csv and perhaps failures.csv.
        regions: nucseg_regions.json of the export, where the project has lost it.
        partial: keep the exported labels of regions that are missing.
        overwrite: replace masks that exist; copies go to annotation/[GROUP/]STEM/earlier_masks.
        progress: called after each field; says whether to go on.

    Raises:
        UsageError: masks exist, or the project is none.
        DataError: the project cannot be read.
    """
    outcome = Outcome()
    rows: list[tuple[str, Conflict]] = []
    with open_source(project) as source:
        exported = sidecar.find(source, regions)
        readers = _find_readers(source, exported)
        _check_masks(folder, exported, overwrite)
        ensure_folder(folder)
        for number, entry in enumerate(exported, start=1):
            try:
                rows += [(entry.key, row) for row in _merge_field(entry, readers, folder, partial)]
                outcome.done.append(entry.key)
            except DataError as error:
                outcome.failures.append((entry.key, str(error)))
                LOG.warning("left out: %s: %s", entry.key, error)
            if not progress(number, len(exported), entry.key):
                outcome.stopped = True
                break
    outcome.conflicts = len(rows)
    _write_conflicts(folder / "conflicts.csv", rows)
    write_failures(folder, outcome.failures)
    return outcome


def _find_readers(source: Source, exported: list[ExportedField]) -> dict[str, list[Reader]]:
    """What reads the nuclei of each image, of whatever tool the project is."""
    tools = (supervisely, coco)
    found = next((images for images in (tool.find(source) for tool in tools) if images), None)
    if found is None:
        raise DataError(
            f"{source.path}: is no project of Supervisely (DATASET/ann/NAME.png.json) and no COCO "
            f"export (annotations/instances_default.json). Received: {source.names[:5]}"
        )
    readers: dict[str, list[Reader]] = defaultdict(list)
    known = {name for entry in exported for name in entry.regions}
    for name, reader in found:
        if name in known:
            readers[name].append(reader)
        else:
            LOG.warning("left out: %s: %s is no region of this export", source.path, name)
    return readers


def _merge_field(
    entry: ExportedField,
    readers: dict[str, list[Reader]],
    folder: Path,
    partial: bool,
) -> list[Conflict]:
    """Write the mask of a field; gives its conflicts."""
    missing = [name for name in entry.regions if name not in readers]
    twice = [name for name in entry.regions if len(readers.get(name, ())) > 1]
    if twice:
        raise DataError(f"{twice[0]} came back twice; keep one of them")
    if missing and not partial:
        raise DataError(
            f"{len(missing)} of {len(entry.regions)} regions did not come back: "
            f"{', '.join(missing[:5])}. Export them too, or add --partial to keep their labels as "
            "they were"
        )
    drawn = {
        name: readers[name][0](shape_of(region.box))
        for name, region in entry.regions.items()
        if name not in missing
    }
    merged = merge(entry.labels(), entry.regions, drawn)
    target = mask_of(folder, entry)
    ensure_folder(target.parent)
    earlier = masks_of(folder, entry)
    for mask in earlier:
        kept = keep_mask(mask, folder / ANNOTATION / entry.group / entry.stem)
        LOG.info("%s: is replaced; a copy is %s", mask, kept)
    _keep_regions(target, earlier)
    remove_temporaries_of(target)
    write_labels(target, merged.labels, entry.pixel_size, synced=True)
    _remove_others(target, earlier)
    counts = ", ".join(f"{merged.counts[k]} {k}" for k in ("same", "edited", "new", "deleted"))
    LOG.info("%s: %s; %d conflicts", entry.key, counts, len(merged.conflicts))
    return merged.conflicts


def _keep_regions(target: Path, earlier: list[Path]) -> None:
    """Of a mask of which only regions were finished, the new one has the same regions.

    An export shows all labels, and nobody knows whether those outside were corrected there.
    """
    boxes = next(filter(None, map(read_regions, earlier)), ())
    if boxes:
        write_regions(target, boxes)
        LOG.warning(
            "%s: as before, only its regions in %s are finished. If all of it was corrected, "
            "remove that file",
            *(target, regions_path(target).name),
        )


def _remove_others(target: Path, earlier: list[Path]) -> None:
    """Remove masks that the new one replaces: training refuses an image with two."""
    for other in earlier:
        try:
            if other.exists() and not other.samefile(target):
                other.unlink()
                if regions_path(other) != regions_path(target):
                    write_regions(other, ())
        except OSError as error:
            raise OutputError(
                f"{other}: cannot be replaced: {error.strerror}. Remove it, for {target.name} is "
                "of the same field"
            ) from error


def _check_masks(folder: Path, exported: list[ExportedField], overwrite: bool) -> None:
    there = [path for entry in exported for path in masks_of(folder, entry)]
    if there and not overwrite:
        raise UsageError(
            f"{there[0]}: exists already ({len(there)} masks do); choose another folder, or add "
            "--overwrite to replace them; copies are kept below annotation/"
        )


def _write_conflicts(path: Path, rows: list[tuple[str, Conflict]]) -> None:
    """One row a conflict; only the heading where there are none."""
    table = [
        {
            "image": key,
            "region": " + ".join(conflict.regions),
            "labels": " + ".join(conflict.labels()),
            "pixels": conflict.pixels,
            "problem": conflict.problem,
            "decision": conflict.decision,
        }
        for key, conflict in rows
    ]
    _write_csv(path, table, ["image", "region", "labels", "pixels", "problem", "decision"])


def _write_csv(path: Path, table: list[dict[str, Any]], columns: list[str]) -> None:
    import pandas as pd

    with atomic_path(path) as temporary:
        without_formulas(pd.DataFrame(table, columns=columns)).to_csv(temporary, index=False)
