"""Data sets: which image goes with which masks, and which split it is in.

Layouts, of which STEM_masks may also be STEM, STEM_labels, STEM_mask or Cellpose's STEM_cp_masks,
and .tif goes with .png. Without a label image STEM_seg.npy (Cellpose), STEM.geojson (QuPath),
STEM_rois.zip or STEM.zip (ImageJ, StarDist), STEM.json (labelme), STEM.svg, STEM.npz or STEM.npy
are taken:

    DIR/images/STEM.ext           DIR/masks/STEM_masks.ext
    DIR/images/GROUP/STEM.ext     DIR/masks/GROUP/STEM_masks.ext     (a cell line, a plate)
    DIR/STEM.ext                  DIR/STEM_masks.ext                 (one flat folder)
    DIR/ID/images/ID.png          DIR/ID/masks/*.png                 (one mask per nucleus)
    DIR/{train,val,test}/...      any of the above in each
    FILE.csv                      columns image, mask; optionally split, group, name, regions

Of a mask of which only regions are finished, these stand beside it (see `regions`), or in the
column `regions`, which goes before.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import replace
from pathlib import Path

from nucseg_tf.data.layouts import SPLITS, Problem, scan_csv, scan_folder
from nucseg_tf.errors import DataError, UsageError
from nucseg_tf.types import Field

LOG = logging.getLogger(__name__)
LAYOUTS = (
    "expected DIR/{images,masks}/STEM.ext, DIR/{train,val,test}/{images,masks}/STEM.ext, "
    "DIR/STEM.ext with DIR/STEM_masks.ext, DIR/ID/{images,masks}/*.png, "
    "or a CSV file with columns image and mask"
)


def find_fields(data: str | Path) -> list[Field]:
    """The paired fields of a data set (see the module docstring for layouts).

    Raises:
        DataError: there are none; the message names the layouts and the first problems.
    """
    fields, problems = scan(data)
    if not fields:
        details = "".join(f"\n  {problem}" for problem in problems[:5])
        raise DataError(f"{data}: no image with masks found; {LAYOUTS}.{details}")
    for problem in problems:
        LOG.warning("left out: %s", problem)
    return fields


def scan(data: str | Path) -> tuple[list[Field], list[Problem]]:
    """Pair images with masks by name, without opening any of them.

    Returns:
        The pairs, and a problem for each file that has no partner or more than one, and for regions
        that are malformed or without mask.

    Raises:
        UsageError: there is no `data`.
        DataError: it is neither a folder nor a CSV manifest, or the manifest is malformed.
    """
    data = Path(data)
    if data.suffix.lower() == ".csv" and data.is_file():
        return _unique(*scan_csv(data))
    if not data.exists():
        raise UsageError(f"{data}: no such folder or CSV manifest; {LAYOUTS}")
    if not data.is_dir():
        raise DataError(f"{data}: is neither a folder nor a CSV manifest; {LAYOUTS}")
    splits = [split for split in SPLITS if (data / split).is_dir()]
    if not splits or (data / "images").is_dir():
        splits.append("")
    fields: list[Field] = []
    problems: list[Problem] = []
    for split in splits:
        some_fields, some_problems = scan_folder(data / split, split)
        fields += some_fields
        problems += some_problems
    return _unique(fields, problems)


def _unique(fields: list[Field], problems: list[Problem]) -> tuple[list[Field], list[Problem]]:
    """Make names unique in each split: GROUP_STEM where groups share stems, else a problem."""
    names = Counter((field.split, field.name) for field in fields)
    fields = [
        replace(field, name=f"{field.group}_{field.name}")
        if names[field.split, field.name] > 1 and field.group
        else field
        for field in fields
    ]
    _warn_of_shared(fields)
    kept: dict[tuple[str, str], Field] = {}
    problems = list(problems)
    for field in fields:
        first = kept.setdefault((field.split, field.name), field)
        if first is not field:
            reason = f"shares its name {field.name} with {first.image}; give it a name of its own"
            problems.append(Problem(field.image, reason))
    return list(kept.values()), problems


def _warn_of_shared(fields: list[Field]) -> None:
    """Say which images are in several splits, unless regions share them out."""
    whole: dict[Path, str] = {}
    for field in fields:
        if field.regions:
            continue
        split = whole.setdefault(field.image.resolve(), field.split)
        if split != field.split:
            names = " and ".join(name or "one without name" for name in (split, field.split))
            LOG.warning(
                "%s: is in the splits %s, so scores on it say nothing of other images",
                field.image,
                names,
            )
