"""Fields of view: the sample sheet, or what was simulated, as data sets that nucseg reads.

Images and masks stay where they are; data sets are folders of links to them.
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from checks import DesignError, check, require

COLUMNS = ("image", "mask", "split", "group", "name", "sha256")
TRAINING = ("train", "val")
UNLABELLED = "unlabelled"  # the split of images without a mask
VALIDATION_SHARE = 5  # one field in so many, where the sheet names none to validate


@dataclass(frozen=True)
class Field:
    """One field of view.

    Attributes:
        image: its file.
        mask: its label image; None where there is none yet.
        group: cell line or plate.
        split: train, val, test, UNLABELLED or another.
    """

    image: Path
    mask: Path | None
    group: str
    split: str


def read_sheet(sheet: Path, schema: Path) -> list[Field]:
    """Read a sample sheet; paths in it are relative to its folder.

    Args:
        sheet: CSV of columns image, mask, group, split.
        schema: JSON schema of one row.

    Raises:
        DesignError: it cannot be read, a row is malformed, or a file is missing.
    """
    try:
        with sheet.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file, skipinitialspace=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DesignError(f"\n  {sheet}: cannot be read as CSV: {error}") from error
    if not rows:
        raise DesignError(f"\n  {sheet}: has no rows; expected columns image, mask, group, split")
    if ";" in "".join(rows[0]):
        raise DesignError(f"\n  {sheet}: columns must be separated by commas. Received: semicolons")
    fields, problems = [], []
    for line, row in enumerate(rows, start=2):
        where = f"{sheet}, line {line}"
        if None in row or None in row.values():
            raise DesignError(f"\n  {where}: has more or fewer columns than the first line")
        row = {key: value.strip() for key, value in row.items()}
        check(row, schema, where)
        image = sheet.parent / row["image"]
        mask = sheet.parent / row["mask"] if row["mask"] else None
        problems += [
            f"{where}: {kind} {file}: no such file"
            for kind, file in (("image", image), ("mask", mask))
            if file is not None and not file.is_file()
        ]
        if (mask is None) != (row["split"] in ("", UNLABELLED)):
            problems.append(
                f"{where}: a field with a mask needs a split (train, val, test); "
                f"one without a mask none. Received: {row['split']!r}"
            )
        fields.append(Field(image, mask, row["group"], row["split"] or UNLABELLED))
    problems += _repeated(sheet, fields)
    if problems:
        more = f"\n  ... and {len(problems) - 10} more" if len(problems) > 10 else ""
        raise DesignError("".join(f"\n  {problem}" for problem in problems[:10]) + more)
    return with_validation(fields)


def find_simulated(split: str, folders: Iterable[str]) -> list[Field]:
    """The fields in folders that `nucseg simulate` wrote for a split."""
    return [
        Field(image, Path(folder, "masks", *image.parts[-2:]), image.parent.name, split)
        for folder in folders
        for image in sorted(Path(folder, "images").glob("*/*.tif"))
    ]


def with_validation(fields: Sequence[Field]) -> list[Field]:
    """Turn one in five training fields of a group into validation fields, where it has none.

    A group with a single field keeps it for training.
    """
    groups: dict[str, list[Field]] = defaultdict(list)
    for field in fields:
        if field.split == "train":
            groups[field.group].append(field)
    given = {field.group for field in fields if field.split == "val"}
    chosen = {
        field
        for group, members in groups.items()
        if group not in given
        for field in sorted(members, key=_draw)[: min(_share(members), len(members) - 1)]
    }
    return [replace(field, split="val") if field in chosen else field for field in fields]


def write_split(manifest: str, fields: Iterable[Field], log: str) -> None:
    """Write the data set of a split: SPLIT.csv with the groups, and SPLIT/{images,masks}."""
    folder = Path(manifest).parent / Path(manifest).stem
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for link in (folder / kind).iterdir():
            if link.is_symlink():  # all else is somebody's work
                link.unlink()
    rows = []
    for name, field in named(fields).items():
        image = _link(folder / "images" / f"{name}{_suffix(field.image)}", field.image)
        split = field.split if field.split in TRAINING else "test"  # as nucseg knows them
        row = {"image": image, "split": split, "group": field.group, "name": name}
        row["sha256"] = _content(field)
        if field.mask:
            mask = _link(folder / "masks" / f"{name}{_suffix(field.mask)}", field.mask)
            row["mask"] = mask
            if _regions(field.mask).is_file():
                _link(_regions(mask), _regions(field.mask))
        rows.append(row)
    _write_manifest(Path(manifest), rows, Path(log))


def write_set(
    manifest: str,
    sources: Iterable[str],
    groups: Sequence[str] | str,
    most: int | None,
    log: str,
) -> None:
    """Write the manifest of a training set.

    Args:
        manifest: to write.
        sources: manifests of the splits train and val.
        groups: to take; or "all".
        most: training fields of each group; all without it.
        log: gets a line.
    """
    rows = [row for source in sources for row in _read_manifest(Path(source))]
    require(groups if groups != "all" else (), {row["group"] for row in rows}, Path(manifest).stem)
    taken: Counter[tuple[str, str]] = Counter()
    chosen = []
    for row in rows:
        key = row["split"], row["group"]
        taken[key] += 1
        enough = most is not None and row["split"] == "train" and taken[key] > most
        if (groups == "all" or row["group"] in groups) and not enough:
            chosen.append(row)
    _write_manifest(Path(manifest), _validated(chosen), Path(log))


def _write_manifest(path: Path, rows: Sequence[Mapping[str, Any]], log: Path) -> None:
    """Write a CSV manifest; its paths become relative to its folder."""
    log.write_text(f"{path}: {len(rows)} fields\n", encoding="utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for row in rows:
            files = {
                key: os.path.relpath(row[key], path.parent)
                for key in ("image", "mask")
                if row.get(key)
            }
            writer.writerow({**dict.fromkeys(COLUMNS, ""), **row, **files})


def _read_manifest(path: Path) -> list[dict[str, Any]]:
    with path.open(newline="", encoding="utf-8") as file:
        return [
            row | {key: path.parent / row[key] for key in ("image", "mask")}
            for row in csv.DictReader(file)
        ]


def named(fields: Iterable[Field]) -> dict[str, Field]:
    """A name for each field of a split: its stem, or where others have that too, with more before.

    Raises:
        DesignError: two fields have the same stem, folder and group.
    """
    fields = list(fields)
    found: dict[str, Field] = {}
    for field in fields:
        longer = [_stem(field.image)]
        longer.append(f"{field.group}_{longer[0]}")
        longer.append(f"{field.group}_{field.image.resolve().parent.name}_{longer[0]}")
        alike = [other for other in fields if _stem(other.image).lower() == longer[0].lower()]
        if len(alike) > 1 and sum(other.group == field.group for other in alike) == 1:
            name = longer[1]
        else:
            name = longer[0] if len(alike) == 1 else longer[2]
        name = name.replace(" ", "-")
        if name.lower() in {known.lower() for known in found}:
            raise DesignError(
                f"\n  {field.image}: {name} is the name of another field, too; rename one"
            )
        found[name] = field
    return found


def _validated(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of which one validates: the last to train on, or the only one, which does both."""
    if not rows or any(row["split"] == "val" for row in rows):
        return rows
    last = {**rows[-1], "split": "val"}
    return [*(rows[:-1] or rows), last]


def _repeated(sheet: Path, fields: Iterable[Field]) -> list[str]:
    """Images that are named twice in a split, or both to train on and to score on."""
    seen: dict[Path, set[str]] = defaultdict(set)
    problems = []
    for field in fields:
        splits = seen[field.image.resolve()]
        if field.split in splits:
            problems.append(f"{sheet}: {field.image} is named twice in the split {field.split}")
        elif splits and {field.split, *splits} & set(TRAINING):
            other = ", ".join(sorted(splits))
            problems.append(f"{sheet}: {field.image} is in {other} and in {field.split}")
        splits.add(field.split)
    return problems


def _content(field: Field) -> str:
    """A hash of image and mask: what is made of them is made anew if they change."""
    files = [file for file in (field.image, field.mask) if file]
    if field.mask and _regions(field.mask).is_file():
        files.append(_regions(field.mask))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _link(link: Path, target: Path) -> Path:
    link.symlink_to(os.path.relpath(target.resolve(), link.parent.resolve()))
    return link


def _regions(mask: Path) -> Path:
    """The file that says which regions of a mask are finished, if only some are."""
    return mask.with_name(f"{_stem(mask)}.regions.json")


def _stem(path: Path) -> str:
    return path.stem.removesuffix(".ome")


def _suffix(path: Path) -> str:
    return f".ome{path.suffix}" if path.stem.endswith(".ome") else path.suffix


def _share(members: Sequence[Field]) -> int:
    return max(1, len(members) // VALIDATION_SHARE)


def _draw(field: Field) -> str:
    return hashlib.sha256(f"{field.group}/{field.image.name}".encode()).hexdigest()
