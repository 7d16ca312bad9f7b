"""Which files of a folder, or rows of a CSV file, belong together, for each layout of a data set.

The layouts are those of `manifest`; nothing is opened here but CSV files and what names regions.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from nucseg_tf.data.regions import ENDING, parse_regions, read_regions, regions_path
from nucseg_tf.errors import DataError
from nucseg_tf.io.cells import from_cell
from nucseg_tf.io.files import reason
from nucseg_tf.io.formats import (
    CELLPOSE_ENDINGS,
    GENERAL_LABELS,
    NO_LABELS,
    OTHER_LABELS,
    other_label,
    written_endings,
)
from nucseg_tf.io.images import images_in
from nucseg_tf.io.names import stem_of
from nucseg_tf.types import Field

SPLITS = ("train", "val", "test")
MASK_ENDINGS = ("_cp_masks", "_masks", "_labels", "_mask")
COLUMNS = ("image", "mask", "split", "group", "name", "regions")
SLIP = 0.75  # of difflib; of a stage or a frame, as other columns are called, it is less
NO_MASK, NO_IMAGE = "has no mask of the same name", "has no image of the same name"
A_SET = (
    "is called like no image. If it is a data set of COCO or CVAT, make masks of it: "
    "nucseg convert FILE DATA --to labels"
)
NO_MASK_BESIDE = "names finished regions, but there is no mask of the same name beside it"


@dataclass(frozen=True)
class Problem:
    """What is wrong with one file.

    Attributes:
        path: the file.
        reason: one sentence.
        usable: True for a warning: the field can be used all the same.
    """

    path: Path
    reason: str
    usable: bool = False

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"

    @classmethod
    def of(cls, path: Path, error: DataError) -> Problem:
        """Of an error, whose message begins with the file it is about, which may be another."""
        name, separator, reason = str(error).partition(": ")
        return cls(Path(name), reason) if separator else cls(path, str(error))


def scan_folder(folder: Path, split: str) -> tuple[list[Field], list[Problem]]:
    if (folder / "images").is_dir():
        return _scan_images_masks(folder, split)
    if any((sub / "images").is_dir() for sub in folder.iterdir()):
        return _scan_bowl(folder, split)
    written = (*written_endings(), *CELLPOSE_ENDINGS[1:])
    files = [f for f in images_in(folder) if not f.name.lower().endswith(written)]
    masks = [f for f in files if stem_of(f).endswith(MASK_ENDINGS)]
    images = [f for f in files if f not in set(masks)]
    # Archives and the like of other names are not our matter.
    names = _names_of_labels(images)
    masks += [f for f in _other_labels(folder) if _label_stem(f) in names]
    fields, problems = _pair(images, masks, split, "")
    return fields, problems + _without_mask(folder, masks)


def _scan_images_masks(folder: Path, split: str) -> tuple[list[Field], list[Problem]]:
    groups = {
        sub.name
        for kind in ("images", "masks")
        if (folder / kind).is_dir()
        for sub in (folder / kind).iterdir()
        if sub.is_dir() and not sub.name.startswith(".")
    }
    fields: list[Field] = []
    problems: list[Problem] = []
    for group in ["", *sorted(groups)]:
        images, masks = (
            images_in(folder / kind / group) if (folder / kind / group).is_dir() else []
            for kind in ("images", "masks")
        )
        if (folder / "masks" / group).is_dir():
            names = _names_of_labels(images)
            masks += [
                file
                for file in _other_labels(folder / "masks" / group)
                if other_label(file) not in GENERAL_LABELS or _label_stem(file) in names
            ]
        some_fields, some_problems = _pair(images, masks, split, group)
        fields += some_fields
        if any(problem.reason == NO_MASK for problem in some_problems):
            problems += _sets(folder / "masks" / group, masks)
        problems += some_problems + _without_mask(folder / "masks" / group, masks)
    return fields, problems


def _scan_bowl(folder: Path, split: str) -> tuple[list[Field], list[Problem]]:
    """One folder per image, named like it, with one mask file per nucleus."""
    fields: list[Field] = []
    problems: list[Problem] = []
    for sub in sorted(sub for sub in folder.iterdir() if (sub / "images").is_dir()):
        images = [file for file in images_in(sub / "images") if stem_of(file) == sub.name]
        masks = images_in(sub / "masks") if (sub / "masks").is_dir() else []
        if len(images) == 1 and masks:
            fields.append(Field(sub.name, images[0], tuple(masks), split))
        elif not masks:
            problems.append(Problem(sub, "has no masks in its folder masks"))
        else:
            problems.append(Problem(sub, f"has no single image images/{sub.name}.png"))
    return fields, problems


def scan_csv(path: Path) -> tuple[list[Field], list[Problem]]:
    import pandas as pd

    try:
        table = pd.read_csv(
            path,
            dtype=str,
            keep_default_na=False,
            skipinitialspace=True,
            header=None,
            encoding="utf-8-sig",
        )
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: cannot be read as CSV: save it as UTF-8 ({error})") from error
    except ValueError as error:  # empty, or rows of different lengths
        text = " ".join(str(error).split())
        raise DataError(f"{path}: cannot be read as CSV: {text}") from error
    columns = [str(name).strip() for name in table.iloc[0]]
    if not {"image", "mask"} <= {*columns}:
        apart = "; its cells must be apart by commas" if len(columns) == 1 else ""
        raise DataError(
            f"{path}: a manifest needs the columns image and mask{apart}. Received: {columns}"
        )
    if len({*columns}) < len(columns):
        raise DataError(f"{path}: has a column more than once. Received: {columns}")
    _refuse_misspelt(path, columns)
    table = table[1:].map(lambda cell: from_cell(cell.rstrip())).set_axis(columns, axis=1)
    fields: list[Field] = []
    problems: list[Problem] = []
    for line, row in enumerate(table.to_dict("records"), start=2):
        split = row.get("split", "")
        if split not in ("", *SPLITS):
            raise DataError(
                f"{path}, line {line}: split must be one of {', '.join(SPLITS)} or empty. "
                f"Received: {split!r}"
            )
        if not (row["image"] and row["mask"]):
            raise DataError(f"{path}, line {line}: names no {'mask' if row['image'] else 'image'}")
        image, mask = path.parent / row["image"], path.parent / row["mask"]
        try:
            masks = tuple(images_in(mask)) if mask.is_dir() else (mask,)
            missing = [file for file in (image, *masks) if not file.is_file()]
        except OSError as error:  # longer than names may be, or not to be looked at
            raise DataError(f"{path}, line {line}: {reason(error, path.parent)}") from error
        if missing or not masks:
            said = f"is named in {path.name}, line {line}, but there is no such file"
            said += "; write / for \\ in paths" * ("\\" in row["image"] + row["mask"])
            problems += [Problem(file, said) for file in missing or [mask]]
            continue
        name = row.get("name", "") or stem_of(image)
        field = Field(name, image, masks, split, row.get("group", ""))
        try:
            regions = parse_regions(row.get("regions", ""))
        except ValueError as error:
            raise DataError(
                f'{path}, line {line}: regions must be "y0:x0:y1:x1 ...", whole px with '
                f"0 <= y0 < y1, 0 <= x0 < x1, or empty. Received: {row['regions']!r}"
            ) from error
        if regions:
            fields.append(replace(field, regions=regions))
        else:
            _add(field, fields, problems)
    return fields, problems


def _refuse_misspelt(path: Path, columns: list[str]) -> None:
    """Refuse a column that is a slip for another: it would be left out without a word."""
    for name in (column for column in columns if column not in COLUMNS):
        near = get_close_matches(name.casefold(), COLUMNS, n=1, cutoff=SLIP)
        if near:
            raise DataError(
                f"{path}: has a column {name!r}; did you mean {near[0]!r}? Else rename it."
            )


def _pair(
    images: list[Path], masks: list[Path], split: str, group: str
) -> tuple[list[Field], list[Problem]]:
    """Pair files by stem; a mask may add one of MASK_ENDINGS."""
    by_stem: dict[str, list[Path]] = defaultdict(list)
    for mask in masks:
        by_stem[_label_stem(mask)].append(mask)
    copies = Counter(map(stem_of, images))
    fields: list[Field] = []
    problems: list[Problem] = []
    used: set[Path] = set()
    for image in images:
        stem = stem_of(image)
        partners = [mask for ending in ("", *MASK_ENDINGS) for mask in by_stem[stem + ending]]
        used.update(partners)
        partners = [mask for mask in partners if _rank(mask) == min(map(_rank, partners))]
        if not partners:
            problems.append(Problem(image, NO_MASK))
        elif len(partners) > 1:
            names = ", ".join(mask.name for mask in partners)
            problems.append(Problem(image, f"has more than one mask: {names}; keep one"))
        elif copies[stem] > 1:
            problems.append(Problem(image, f"shares its name {stem} with another image"))
        else:
            _add(Field(stem, image, (partners[0],), split, group), fields, problems)
    problems += [Problem(m, NO_IMAGE) for m in masks if m not in used]
    return fields, problems


def _add(field: Field, fields: list[Field], problems: list[Problem]) -> None:
    """Add a field with the regions that stand beside its mask, or what is wrong with them."""
    try:
        regions = read_regions(field.masks[0]) if len(field.masks) == 1 else ()
        fields.append(replace(field, regions=regions))
    except DataError as error:
        problems.append(Problem.of(field.masks[0], error))


def _without_mask(folder: Path, masks: list[Path]) -> list[Problem]:
    """Regions in a folder of masks that belong to none of them."""
    if not folder.is_dir():
        return []
    known = {regions_path(mask) for mask in masks}
    found = sorted(path for path in folder.iterdir() if path.name.endswith(ENDING))
    return [Problem(path, NO_MASK_BESIDE) for path in found if path not in known]


def _sets(folder: Path, masks: list[Path]) -> list[Problem]:
    """What in a folder of masks may be labels of many images, as they came."""
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    files = [f for f in found if f.suffix.lower() in (".json", ".xml") and f not in masks]
    return [
        Problem(file, A_SET, usable=True)
        for file in files
        if not file.name.startswith(".") and not file.name.endswith(NO_LABELS)
    ]


def _other_labels(folder: Path) -> list[Path]:
    """Labels in a folder that are no label images."""
    found = (f for f in folder.iterdir() if other_label(f) and not f.name.startswith("."))
    return sorted(file for file in found if file.is_file())


def _names_of_labels(images: list[Path]) -> set[str]:
    """What labels of some images may be called, without their suffix."""
    return {stem_of(image) + ending for image in images for ending in ("", *MASK_ENDINGS)}


def _label_stem(path: Path) -> str:
    ending = other_label(path)
    return path.name[: -len(ending)] if ending else stem_of(path)


def _rank(path: Path) -> int:
    """Of files with the same nuclei, label images go first."""
    ending = other_label(path)
    return OTHER_LABELS.index(ending) + 1 if ending else 0
