"""Data sets: which image goes with which masks, which split it is in, and whether it can be used.

Layouts, of which STEM_masks may also be STEM, STEM_labels, STEM_mask or Cellpose's STEM_cp_masks,
and .tif goes with .png. Without a label image STEM_seg.npy (Cellpose), STEM.geojson (QuPath),
STEM_rois.zip or STEM.zip (ImageJ, StarDist) are taken:

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

import hashlib
import logging
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nucseg_tf.data.regions import (
    ENDING,
    format_regions,
    known_labels,
    parse_regions,
    read_regions,
    regions_path,
)
from nucseg_tf.errors import DataError, LabelError, UsageError
from nucseg_tf.io.formats import CELLPOSE_ENDINGS, OTHER_LABELS, other_label, written_endings
from nucseg_tf.io.images import check_finite, images_in, read_image, shape_of_image
from nucseg_tf.io.labels import is_binary, read_labels, read_mask_stack, split_pieces
from nucseg_tf.io.names import stem_of
from nucseg_tf.io.shapes import read_shapes
from nucseg_tf.types import Field

LOG = logging.getLogger(__name__)
SPLITS = ("train", "val", "test")
NO_MASK, NO_IMAGE = "has no mask of the same name", "has no image of the same name"
NO_MASK_BESIDE = "names finished regions, but there is no mask of the same name beside it"
MASK_ENDINGS = ("_cp_masks", "_masks", "_labels", "_mask")
LAYOUTS = (
    "expected DIR/{images,masks}/STEM.ext, DIR/{train,val,test}/{images,masks}/STEM.ext, "
    "DIR/STEM.ext with DIR/STEM_masks.ext, DIR/ID/{images,masks}/*.png, "
    "or a CSV file with columns image and mask"
)


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
        return _unique(*_scan_csv(data))
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
        some_fields, some_problems = _scan_folder(data / split, split)
        fields += some_fields
        problems += some_problems
    return _unique(fields, problems)


def load_field(
    field: Field,
    channel: int | str | None = None,
    z: int | str | None = None,
    invert: bool = False,
    split_binary: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Read an image and its labels.

    Args:
        field: the pair.
        channel, z, invert: see `read_image`.
        split_binary: see `read_masks`.

    Returns:
        pixels: (H, W) in the dtype of the file.
        labels: (H, W) int32, `IGNORED` where nothing is known.

    Raises:
        ImageReadError: a file cannot be read, is ambiguous, or holds NaN.
        LabelError: the mask is no label image, its shape is not that of the image, or its regions
            do not lie in it.
    """
    image = read_image(field.image, channel=channel, z=z, invert=invert)
    check_finite(image)
    labels = read_masks(field, split_binary)
    if labels.shape != image.pixels.shape:
        raise LabelError(
            f"{field.masks[0]}: shape {labels.shape} differs from {image.pixels.shape} "
            f"of its image {field.image}"
        )
    return image.pixels, labels


def field_hash(field: Field) -> str:
    """SHA-256 over the contents of a field's files, and its regions if it has any."""
    files = (field.image, *field.masks)
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    return _hash("".join(digests) + format_regions(field.regions))


def split_fields(
    fields: Iterable[Field], validation_fraction: float, seed: int
) -> tuple[list[Field], list[Field]]:
    """Divide fields into training and validation; those of the split "test" are left out.

    Splits given by the data set are used where it has validation fields. Otherwise a share of every
    group is drawn, by a hash of seed and name: the draw depends neither on the order of the files
    nor on the machine, and each group of two or more is in both parts. A single field does both.

    Args:
        fields: of one data set.
        validation_fraction: between 0 and 1.
        seed: another seed is another draw.

    Returns:
        Training and validation fields, both not empty.

    Raises:
        DataError: no fields to train on.
    """
    if not 0 < validation_fraction < 1:
        raise UsageError(
            f"the validation fraction must be between 0 and 1. Received: {validation_fraction}"
        )
    pool = [field for field in fields if field.split != "test"]
    given = [field for field in pool if field.split == "val"]
    train = [field for field in pool if field.split != "val"]
    if given and train:
        return train, given
    if not train:
        raise DataError(
            f"training needs a field to train on; found none, and {len(given)} for validation. "
            "Annotate one more field, or move one from val to train."
        )
    if len(train) == 1:
        LOG.warning("%s trains and validates: its loss says nothing of others", train[0].name)
        return train, train
    val = _draw(train, validation_fraction, seed)
    return [field for field in train if field not in val], [f for f in train if f in val]


def _scan_folder(folder: Path, split: str) -> tuple[list[Field], list[Problem]]:
    if (folder / "images").is_dir():
        return _scan_images_masks(folder, split)
    if any((sub / "images").is_dir() for sub in folder.iterdir()):
        return _scan_bowl(folder, split)
    written = (*written_endings(), *CELLPOSE_ENDINGS[1:])
    files = [f for f in images_in(folder) if not f.name.lower().endswith(written)]
    masks = [f for f in files if stem_of(f).endswith(MASK_ENDINGS)]
    images = [f for f in files if f not in set(masks)]
    stems = {stem_of(image) for image in images}  # other archives are not our matter
    masks += [f for f in _other_labels(folder) if _label_stem(f) in stems]
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
        folders = [folder / "masks" / group]
        masks += [file for each in folders if each.is_dir() for file in _other_labels(each)]
        some_fields, some_problems = _pair(images, masks, split, group)
        fields += some_fields
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


def _scan_csv(path: Path) -> tuple[list[Field], list[Problem]]:
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
    table = table[1:].set_axis(columns, axis=1)
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
        masks = tuple(images_in(mask)) if mask.is_dir() else (mask,)
        missing = [file for file in (image, *masks) if not file.is_file()]
        if missing or not masks:
            reason = f"is named in {path.name}, line {line}, but there is no such file"
            problems += [Problem(file, reason) for file in missing or [mask]]
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
            problems.append(Problem(image, f"has more than one mask: {names}"))
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


def _other_labels(folder: Path) -> list[Path]:
    """Labels in a folder that are no label images."""
    found = (f for f in folder.iterdir() if other_label(f) and not f.name.startswith("."))
    return sorted(file for file in found if file.is_file())


def _label_stem(path: Path) -> str:
    ending = other_label(path)
    return path.name[: -len(ending)] if ending else stem_of(path)


def _rank(path: Path) -> int:
    """Of files with the same nuclei, label images go first."""
    ending = other_label(path)
    return OTHER_LABELS.index(ending) + 1 if ending else 0


def _unique(fields: list[Field], problems: list[Problem]) -> tuple[list[Field], list[Problem]]:
    """Make names unique in each split: GROUP_STEM where groups share stems, else a problem."""
    names = Counter((field.split, field.name) for field in fields)
    fields = [
        replace(field, name=f"{field.group}_{field.name}")
        if names[field.split, field.name] > 1 and field.group
        else field
        for field in fields
    ]
    kept: dict[tuple[str, str], Field] = {}
    problems = list(problems)
    for field in fields:
        first = kept.setdefault((field.split, field.name), field)
        if first is not field:
            reason = f"shares its name {field.name} with {first.image}; give it a name of its own"
            problems.append(Problem(field.image, reason))
    return list(kept.values()), problems


def _draw(fields: list[Field], fraction: float, seed: int) -> set[Field]:
    """Validation fields: a share of each group, at least one and never all of it."""
    groups: dict[str, list[Field]] = defaultdict(list)
    for field in fields:
        groups[field.group].append(field)
    if all(len(members) == 1 for members in groups.values()):
        groups = {"": fields}
    chosen: set[Field] = set()
    for members in groups.values():
        ordered = sorted(members, key=lambda f: _hash(f"{seed}:{f.group}/{f.name}"))
        share = max(1, round(fraction * len(members)))
        chosen.update(ordered[: min(share, len(members) - 1)])
    return chosen


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def read_masks(field: Field, split_binary: bool = False) -> np.ndarray:
    """The (H, W) int32 labels of a field, from one label image or one mask a nucleus.

    Outside its regions, if it has any, they are `IGNORED`; see `regions.mark_unknown`.

    Args:
        field: the pair.
        split_binary: whether each connected piece of a mask of two values is a nucleus.
    """
    return known_labels(field.masks[0], _read_all(field, split_binary), field.regions)


def _read_all(field: Field, split_binary: bool) -> np.ndarray:
    """The labels, those outside its regions, too."""
    if len(field.masks) > 1:
        return read_mask_stack(field.masks)
    path = field.masks[0]
    if path.suffix.lower() in (".geojson", ".zip", ".roi"):
        return read_shapes(path, shape_of_image(field.image))
    labels = read_labels(path)
    return split_pieces(labels) if split_binary and is_binary(labels) else labels
