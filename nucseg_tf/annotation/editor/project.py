"""A folder whose fields are annotated: where everything of a field lies.

    DIR/images/[GROUP/]STEM.ext              images; or DIR/STEM.ext, one flat folder
    DIR/prelabels/[GROUP/]STEM_labels.tif    what to begin from, with objects.csv and run.json
    DIR/masks/[GROUP/]STEM.tif               accepted labels; also what to begin from
    DIR/annotation/[GROUP/]STEM/             work on a field, see `session`

In a flat folder accepted labels are DIR/STEM_masks.tif, because training pairs them so.
"""

from __future__ import annotations

import json
import logging
import math
import os
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nucseg_tf.data.manifest import MASK_ENDINGS, SPLITS
from nucseg_tf.errors import DataError, UsageError
from nucseg_tf.io.files import ensure_folder
from nucseg_tf.io.formats import label_suffixes, result_endings
from nucseg_tf.io.images import images_in

LOG = logging.getLogger(__name__)
ANNOTATION = "annotation"
MAX_NAME = 40  # letters of a user's name


@dataclass(frozen=True)
class Suspect:
    """A prelabelled nucleus that is perhaps wrong.

    Attributes:
        label: its value in the prelabels.
        rank: 1 is the most suspicious of all fields.
        confidence: 0 to 1, or None.
        reasons: text for the annotator.
    """

    label: int
    rank: int
    confidence: float | None
    reasons: str


# Of each field: how many nuclei were prelabelled, and which are suspects.
Objects = dict[str, tuple[int | None, tuple[Suspect, ...]]]


@dataclass(frozen=True)
class AnnotationField:
    """The files of a field.

    Attributes:
        key: GROUP/STEM, or STEM without a group.
        group: folder below images, or "".
        image: its file.
        prelabels: label image to begin from, or None.
        mask: where accepted labels go.
        paired: `mask` and all other files that training would pair with the image.
        state: folder of the work on it.
        objects: prelabelled nuclei, or None where objects.csv does not say.
        suspects: those among them to look at, by rank.
    """

    key: str
    group: str
    image: Path
    prelabels: Path | None
    mask: Path
    paired: tuple[Path, ...]
    state: Path
    objects: int | None = None
    suspects: tuple[Suspect, ...] = ()

    def masks(self) -> list[Path]:
        """Those of `paired` that exist."""
        return [path for path in self.paired if path.is_file()]


@dataclass(frozen=True)
class Project:
    """A folder and its fields.

    Attributes:
        folder: DIR.
        fields: by key, in the order of the list.
        model: what made the prelabels, or "".
    """

    folder: Path
    fields: dict[str, AnnotationField] = field(default_factory=dict)
    model: str = ""


def open_project(folder: Path) -> Project:
    """Find the fields of a folder.

    Raises:
        UsageError: no such folder, or one without images.
        OutputError: it cannot be written to.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder; expected one of images")
    flat = not (folder / "images").is_dir()
    images = list(_images(folder, flat))
    if not images:
        splits = [name for name in SPLITS if (folder / name / "images").is_dir()]
        hint = f"; choose {' or '.join(str(folder / name) for name in splits)}" if splits else ""
        raise UsageError(
            f"{folder}: no images; expected images/STEM.ext, images/GROUP/STEM.ext or STEM.ext "
            f"in it{hint}. Received: {sorted(path.name for path in folder.iterdir())[:10]}"
        )
    ensure_folder(folder / ANNOTATION)
    objects = _read_objects(folder / "prelabels" / "objects.csv")
    keys = Counter(_key(group, image).lower() for group, image in images)
    fields = {}
    for group, image in images:
        key = _key(group, image)
        if not _is_text(key):
            LOG.warning("left out: %s: its name is no UTF-8; rename it", ascii(str(image)))
            continue
        if keys[key.lower()] > 1:
            LOG.warning("left out: %s: shares its name %s with another image", image, key)
            continue
        fields[key] = _field(folder, group, image, flat, objects)
    return Project(folder, fields, _model_name(folder / "prelabels" / "run.json"))


@contextmanager
def locked(project: Project) -> Iterator[None]:
    """Keep a second server off the same folder, where the system has file locks.

    Raises:
        UsageError: another one is at work.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    path = project.folder / ANNOTATION / ".lock"
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(
                f"{project.folder}: another `nucseg annotate` works on this folder; use its page, "
                f"or end it. Received: {path} is locked"
            ) from error
        except OSError:  # a network drive without locks
            LOG.warning("%s: no file locks there; do not start a second server on it", path)
        yield


def _images(folder: Path, flat: bool) -> Iterator[tuple[str, Path]]:
    """Group and path of each image."""
    if flat:
        results = result_endings()
        for image in images_in(folder):
            masked = _stem(image).endswith(MASK_ENDINGS)
            if not masked and not image.name.lower().endswith(results):
                yield "", image
        return
    root = folder / "images"
    groups = sorted(s.name for s in root.iterdir() if s.is_dir() and not s.name.startswith("."))
    for group in ["", *groups]:
        for image in images_in(root / group):
            yield group, image


def _field(folder: Path, group: str, image: Path, flat: bool, objects: Objects) -> AnnotationField:
    stem = _stem(image)
    masks = folder if flat else folder / "masks" / group
    endings = MASK_ENDINGS if flat else ("", *MASK_ENDINGS)
    pairs = [masks / f"{stem}{end}{suffix}" for end in endings for suffix in label_suffixes()]
    prelabels = [folder / "prelabels" / group / f"{s}_labels.tif" for s in (image.stem, stem)]
    count, suspects = objects.get(_key(group, image), (None, ()))
    return AnnotationField(
        key=_key(group, image),
        group=group,
        image=image,
        prelabels=next((path for path in prelabels if path.is_file()), None),
        mask=masks / f"{stem}{'_masks' if flat else ''}.tif",
        paired=tuple(pairs),
        state=folder / ANNOTATION / group / stem,
        objects=count,
        suspects=suspects,
    )


def _read_objects(path: Path) -> Objects:
    """How many nuclei each field has in objects.csv, and which are suspects."""
    if not path.is_file():
        return {}
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        table["key"] = table["image"].map(_key_of_name)
        counts = table.groupby("key").size()
        found: dict[str, list[Suspect]] = {str(key): [] for key in counts.index}
        chosen = table.get("suspect", pd.Series("", table.index)).str.lower()
        for row in table[chosen.isin(("1", "1.0", "true"))].to_dict("records"):
            found[row["key"]].append(_suspect(row))
    except (ValueError, KeyError, OverflowError) as error:
        raise DataError(
            f"{path}: cannot be read: expected a table with the columns image and label. Make it "
            f"anew with `nucseg prelabel`, or remove it. Received: {error}"
        ) from error
    return {
        key: (int(counts[key]), tuple(sorted(suspects, key=lambda s: (s.rank, s.label))))
        for key, suspects in found.items()
    }


def _suspect(row: dict[Hashable, str]) -> Suspect:
    confidence = float(row["confidence"]) if row.get("confidence") else math.nan
    return Suspect(
        label=int(float(row["label"])),
        rank=int(float(row.get("rank") or 0)),
        confidence=confidence if math.isfinite(confidence) else None,
        reasons=row.get("reasons", ""),
    )


def _key_of_name(name: str) -> str:
    image = Path(name.replace("\\", "/"))
    return _key("" if image.parent == Path() else image.parent.as_posix(), image)


def _model_name(path: Path) -> str:
    """What made the prelabels, by their run.json."""
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        model = record.get("model") or {}
        return str(model.get("name") or record.get("method") or "")
    except (OSError, ValueError, AttributeError):
        return ""


def _key(group: str, image: Path) -> str:
    return f"{group}/{_stem(image)}" if group else _stem(image)


def _is_text(name: str) -> bool:
    """Whether a name can be sent; names of files may be any bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _stem(path: Path) -> str:
    return path.stem.removesuffix(".ome")


def user_name() -> str:
    """Who is logged in."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return f"user-{os.getuid()}" if hasattr(os, "getuid") else "annotator"
