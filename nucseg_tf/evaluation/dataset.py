"""The images that a benchmark is run on: paired, grouped, and checked before anything is predicted.

Data sets are those of `data.manifest`. Groups (cell lines) are its groups too, that is the folders
DIR/{images,masks}/GROUP or the column `group` of a manifest, unless a table of its own names them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from nucseg_tf.data.fields import field_hash, load_field
from nucseg_tf.data.manifest import scan
from nucseg_tf.errors import DataError, UsageError
from nucseg_tf.evaluation.summary import OVERALL
from nucseg_tf.io.cells import from_cell
from nucseg_tf.io.names import folded
from nucseg_tf.types import Field

NO_GROUP = "no group"


def benchmark_fields(
    data: Path, split: str | None = None, groups: Path | None = None
) -> list[Field]:
    """The fields of a data set, every one of them usable.

    Args:
        data: see `data.manifest`.
        split: the one to take, needed where the data set has several.
        groups: CSV of columns image (name or file name) and group; goes before the data set's.

    Returns:
        Fields sorted by group and name. Where none has a group, all are in OVERALL.

    Raises:
        DataError: a file of the data set has no partner or a name twice, or the table of groups
            does not fit; leaving images out in silence would change the score.
        UsageError: the split is missing, or there is none of that name.
    """
    fields, problems = scan(data)
    splits = sorted({field.split for field in fields})
    if split is None and len(splits) > 1:
        raise UsageError(f"{data} has the splits {', '.join(splits)}: choose one with --split")
    if split is not None and split not in splits:
        raise UsageError(
            f"--split: {data} has {', '.join(filter(None, splits)) or 'no splits'}. "
            f"Received: {split!r}"
        )
    if problems:
        details = "".join(f"\n  {problem}" for problem in problems[:5])
        raise DataError(
            f"{data}: {len(problems)} files do not fit. Mend them or move them away: leaving them "
            f"out in silence would change the score.{details}"
        )
    fields = [field for field in fields if split is None or field.split == split]
    if not fields:
        raise DataError(f"{data}: no image with masks found")
    _refuse_names(fields)
    fields = _grouped(fields, read_groups(groups, fields) if groups else {})
    return sorted(fields, key=lambda field: (field.group, field.name))


def read_groups(path: Path, fields: Sequence[Field]) -> dict[str, str]:
    """Group of each field, by its name, from a CSV file of columns image and group."""
    if not path.exists():
        raise UsageError(f"--groups {path}: no such file; expected CSV of columns image, group")
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
        table = table.map(from_cell)
        pairs = dict(zip(table["image"], table["group"], strict=True))
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path}: expected CSV with the columns image, group: {error}") from error
    repeated = [name for name, count in Counter(table["image"]).items() if count > 1]
    found = {
        field.name: pairs[name]
        for field in fields
        for name in (field.name, field.image.name)
        if name in pairs
    }
    missing = [field.name for field in fields if not found.get(field.name)]
    if repeated or missing:
        raise DataError(
            f"{path}: {f'names {repeated[0]} more than once' if repeated else ''}"
            f"{f'has no group for {missing[0]} ({len(missing)} images)' if missing else ''}; "
            "give each image one row"
        )
    return found


def describe(
    fields: Sequence[Field], planes: tuple[Any, Any], split_binary: bool = False
) -> list[dict[str, Any]]:
    """Open every image and its masks, and say what they are.

    Args:
        fields: of the benchmark.
        planes: channel and z, see `io.images.read_image`.
        split_binary: see `data.manifest.read_masks`.

    Returns:
        For each: `image`, `group`, `height`, `width` (px), and `sha256` of its files.

    Raises:
        ImageReadError, LabelError: the first that cannot be used.
    """
    table = []
    for field in fields:
        height, width = load_field(field, *planes, split_binary=split_binary)[0].shape
        size = {"height": height, "width": width, "sha256": field_hash(field)}
        table.append({"image": field.name, "group": field.group, **size})
    return table


def _grouped(fields: list[Field], groups: dict[str, str]) -> list[Field]:
    fields = [replace(field, group=groups.get(field.name, field.group)) for field in fields]
    if not any(field.group for field in fields):
        return [replace(field, group=OVERALL) for field in fields]
    if any(field.group.lower() in (OVERALL, NO_GROUP) for field in fields):
        raise UsageError(f"no group may be called {OVERALL!r} or {NO_GROUP!r}")
    return [replace(field, group=field.group or NO_GROUP) for field in fields]


def _refuse_names(fields: Sequence[Field]) -> None:
    """Names become files, also where upper and lower case are the same."""
    seen: dict[str, Field] = {}
    for field in fields:
        other = seen.setdefault(folded(field.name), field)
        if other is not field:
            raise DataError(
                f"{other.image} and {field.image} share the name {field.name}; rename one of them"
            )
        if Path(field.name).name != field.name or field.name == "..":
            raise DataError(f"{field.image}: its name {field.name!r} in the manifest is a path")
