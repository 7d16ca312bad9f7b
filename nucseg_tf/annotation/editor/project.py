"""A folder whose fields are annotated: where everything of a field lies.

    DIR/images/[GROUP/]STEM.ext              images; or DIR/STEM.ext, one flat folder
    DIR/prelabels/[GROUP/]STEM_labels.tif    what to begin from, with objects.csv and run.json
    DIR/masks/[GROUP/]STEM.tif               accepted labels; also what to begin from
    DIR/annotation/[GROUP/]STEM/             work on a field, see `session`

In a flat folder accepted labels are DIR/STEM_masks.tif, because training pairs them so.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nucseg_tf.annotation.editor.field import AnnotationField, Names, Seen, seen_as
from nucseg_tf.annotation.editor.names import is_text
from nucseg_tf.annotation.editor.prelabels import field_key
from nucseg_tf.annotation.editor.shelf import Shelf
from nucseg_tf.data.layouts import MASK_ENDINGS, SPLITS
from nucseg_tf.errors import DataError, UsageError
from nucseg_tf.io.formats import label_suffixes, result_endings
from nucseg_tf.io.images import images_in
from nucseg_tf.io.names import folded, stem_of

LOG = logging.getLogger(__name__)
ANNOTATION = "annotation"


class UnknownFieldError(DataError):
    """No field of that name."""


@dataclass(frozen=True)
class Project:
    """A folder and its fields.

    Attributes:
        folder: DIR.
        fields: by key, in the order of the list.
        shelf: what is on disk of the fields.
    """

    folder: Path
    fields: dict[str, AnnotationField]
    shelf: Shelf

    @property
    def model(self) -> str:
        """What made the prelabels that do not say so themselves, or ""; as it is on disk now."""
        return self.shelf.model()

    def field(self, key: str) -> AnnotationField:
        """A field by the name that a page sent; names are looked up, never made into paths.

        Raises:
            UnknownFieldError: there is none of that name.
        """
        if key not in self.fields:
            raise UnknownFieldError(f"no such field. Received: {key[:200]!r}")
        return self.fields[key]

    def look(self) -> dict[str, Seen]:
        """All fields as they lie on disk now.

        Folders are listed once: to ask for each file of 500 fields would take half a second.
        """
        names: dict[str, tuple[Names, Names]] = {}
        seen, objects = {}, self.shelf.objects()
        for key, one in list(self.fields.items()):  # fields may come in meanwhile
            if one.group not in names:
                names[one.group] = Names(one.mask.parent), Names(one.state.parent)
            masks, states = names[one.group]
            masked = bool(one.masks_among(masks))
            begun = one.state.name in states.all and one.is_begun
            seen[key] = seen_as(one, begun, masked, objects)
        return seen

    @property
    def images(self) -> Path:
        """The folder that new images go into."""
        return self.folder if _is_flat(self.folder) else self.folder / "images"

    def with_image(self, image: Path) -> AnnotationField:
        """The field of an image that came into `images`; it is added to the list."""
        flat = _is_flat(self.folder)
        made = _field(self.folder, "", image, flat, self.shelf, _endings(flat))
        self.fields[made.key] = made
        return made


def open_project(folder: Path) -> Project:
    """Find the fields of a folder.

    Raises:
        UsageError: no such folder, or one without images; images/ may be empty, as they may come.
        DataError: objects.csv cannot be read.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder; expected one of images")
    flat = _is_flat(folder)
    images = list(_images(folder, flat))
    if flat and not images:
        splits = [name for name in SPLITS if (folder / name / "images").is_dir()]
        hint = f"; choose {' or '.join(str(folder / name) for name in splits)}" if splits else ""
        raise UsageError(
            f"{folder}: no images; expected images/STEM.ext, images/GROUP/STEM.ext or STEM.ext "
            f"in it{hint}. Received: {sorted(path.name for path in folder.iterdir())[:10]}"
        )
    shelf, endings = Shelf(folder), _endings(flat)
    shelf.objects()  # what is damaged is said now
    keys = Counter(folded(field_key(group, image)) for group, image in images)
    fields = {}
    for group, image in images:
        key = field_key(group, image)
        if not is_text(key):
            LOG.warning("left out: %s: its name is no UTF-8; rename it", ascii(str(image)))
            continue
        if keys[folded(key)] > 1:
            LOG.warning("left out: %s: shares its name %s with another image", image, key)
            continue
        fields[key] = _field(folder, group, image, flat, shelf, endings)
    return Project(folder, fields, shelf)


def project_id(project: Project) -> str:
    """What pages call a project by: their edits must not reach another one."""
    path = str(project.folder.resolve())
    return hashlib.sha256(path.encode(errors="surrogateescape")).hexdigest()[:16]


def _is_flat(folder: Path) -> bool:
    return not (folder / "images").is_dir()


def _images(folder: Path, flat: bool) -> Iterator[tuple[str, Path]]:
    """Group and path of each image."""
    if flat:
        results = result_endings()
        for image in images_in(folder):
            masked = stem_of(image).endswith(MASK_ENDINGS)
            if not masked and not image.name.lower().endswith(results):
                yield "", image
        return
    root = folder / "images"
    groups = sorted(s.name for s in root.iterdir() if s.is_dir() and not s.name.startswith("."))
    for group in ["", *groups]:
        for image in images_in(root / group):
            yield group, image


def _endings(flat: bool) -> tuple[str, ...]:
    """Of the files that training would pair with an image."""
    endings = MASK_ENDINGS if flat else ("", *MASK_ENDINGS)
    return tuple(f"{end}{suffix}" for end in endings for suffix in label_suffixes())


def _field(
    folder: Path, group: str, image: Path, flat: bool, shelf: Shelf, endings: tuple[str, ...]
) -> AnnotationField:
    stem = stem_of(image)
    masks = folder if flat else folder / "masks" / group
    names = dict.fromkeys((image.stem, stem))  # differ for .ome.tif
    return AnnotationField(
        key=field_key(group, image),
        group=group,
        image=image,
        labelled=tuple(folder / "prelabels" / group / f"{name}_labels.tif" for name in names),
        mask=masks / f"{stem}{'_masks' if flat else ''}.tif",
        stem=stem,
        endings=endings,
        state=folder / ANNOTATION / group / stem,
        shelf=shelf,
    )
