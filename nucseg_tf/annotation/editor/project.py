"""A folder whose fields are annotated: where everything of a field lies.

    DIR/images/[GROUP/]STEM.ext              images; or DIR/STEM.ext, one flat folder
    DIR/prelabels/[GROUP/]STEM_labels.tif    what to begin from, with objects.csv and run.json
    DIR/masks/[GROUP/]STEM.tif               accepted labels; also what to begin from
    DIR/annotation/[GROUP/]STEM/             work on a field, see `session`

In a flat folder accepted labels are DIR/STEM_masks.tif, because training pairs them so.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nucseg_tf.annotation.editor.names import is_text
from nucseg_tf.annotation.editor.prelabels import Suspect, field_key, model_name
from nucseg_tf.annotation.editor.shelf import MODEL, Prelabels, Shelf, beside
from nucseg_tf.data.manifest import MASK_ENDINGS, SPLITS
from nucseg_tf.errors import UsageError
from nucseg_tf.io.files import ensure_folder, open_own
from nucseg_tf.io.formats import label_suffixes, result_endings
from nucseg_tf.io.images import images_in
from nucseg_tf.io.names import stem_of

LOG = logging.getLogger(__name__)
ANNOTATION = "annotation"
JOURNAL = "journal.jsonl"  # of the work on a field, see `store`
MAX_NAME = 40  # letters of a user's name


@dataclass(frozen=True)
class AnnotationField:
    """The files of a field.

    Attributes:
        key: GROUP/STEM, or STEM without a group.
        group: folder below images, or "".
        image: its file.
        labelled: where prelabels may be; of several files the first one counts, and of none the
            first one is written.
        mask: where accepted labels go.
        paired: `mask` and all other files that training would pair with the image.
        names: of these.
        state: folder of the work on it.
        shelf: knows what is on disk of all fields.
    """

    key: str
    group: str
    image: Path
    labelled: tuple[Path, ...]
    mask: Path
    paired: tuple[Path, ...]
    names: frozenset[str]
    state: Path
    shelf: Shelf = field(compare=False, repr=False)

    def masks(self) -> list[Path]:
        """Those of `paired` that exist."""
        return [path for path in self.paired if path.is_file()]

    def known(self) -> Prelabels:
        """What is known now of the labels to begin from."""
        return self.shelf.look(self.key, *self.labelled)

    @property
    def prelabels(self) -> Path | None:
        """Label image to begin from, or None."""
        return next((path for path in self.labelled if path.is_file()), None)

    @property
    def target(self) -> Path:
        """Where labels to begin from are, or would be written."""
        return self.prelabels or self.labelled[0]

    def described(self) -> dict[str, Any] | None:
        """What the model said of it last, also if its labels are its own by now."""
        found = self.shelf.record(beside(self.target, MODEL))
        return found or self.shelf.record(self.target)

    @property
    def objects(self) -> int | None:
        """Prelabelled nuclei, or None where nothing is known of them."""
        return self.known().nuclei

    @property
    def suspects(self) -> tuple[Suspect, ...]:
        """Those among them to look at, by rank."""
        return self.known().suspects

    @property
    def has_work(self) -> bool:
        """Whether anybody has begun or corrected it: it has labels of its own then."""
        return self.is_begun or bool(self.masks())

    @property
    def is_begun(self) -> bool:
        """Whether there is a journal of it."""
        return (self.state / JOURNAL).is_file()


@dataclass(frozen=True)
class Seen:
    """A field as it lay on disk at one moment.

    Attributes:
        begun: whether there is a journal of it.
        masked: whether it has a mask.
        known: of the labels to begin from; of nothing where the field has labels of its own.
    """

    begun: bool
    masked: bool
    known: Prelabels

    @property
    def has_work(self) -> bool:
        """See `AnnotationField.has_work`."""
        return self.begun or self.masked


@dataclass(frozen=True)
class Project:
    """A folder and its fields.

    Attributes:
        folder: DIR.
        fields: by key, in the order of the list.
        model: what made the prelabels that do not say so themselves, or "".
        shelf: what is on disk of the fields.
    """

    folder: Path
    fields: dict[str, AnnotationField]
    model: str
    shelf: Shelf

    def look(self) -> dict[str, Seen]:
        """All fields as they lie on disk now.

        Folders are listed once: to ask for each file of 500 fields would take half a second.
        """
        names: dict[Path, frozenset[str]] = {}
        seen = {}
        for key, one in list(self.fields.items()):  # fields may come in meanwhile
            masks, states = one.mask.parent, one.state.parent
            for folder in {masks, states} - names.keys():
                found = folder.iterdir() if folder.is_dir() else ()
                names[folder] = frozenset(path.name for path in found)
            masked = not names[masks].isdisjoint(one.names)
            begun = one.state.name in names[states] and one.is_begun
            seen[key] = Seen(begun, masked, Prelabels() if masked or begun else one.known())
        return seen

    @property
    def images(self) -> Path:
        """The folder that new images go into."""
        return self.folder if _is_flat(self.folder) else self.folder / "images"

    def with_image(self, image: Path) -> AnnotationField:
        """The field of an image that came into `images`; it is added to the list."""
        flat = _is_flat(self.folder)
        made = _field(self.folder, "", image, flat, self.shelf)
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
    shelf = Shelf(folder)
    shelf.objects()  # what is damaged is said now
    keys = Counter(field_key(group, image).lower() for group, image in images)
    fields = {}
    for group, image in images:
        key = field_key(group, image)
        if not is_text(key):
            LOG.warning("left out: %s: its name is no UTF-8; rename it", ascii(str(image)))
            continue
        if keys[key.lower()] > 1:
            LOG.warning("left out: %s: shares its name %s with another image", image, key)
            continue
        fields[key] = _field(folder, group, image, flat, shelf)
    return Project(folder, fields, model_name(folder / "prelabels" / "run.json"), shelf)


@contextmanager
def locked(project: Project) -> Iterator[None]:
    """Keep a second server off the same folder, where the system has file locks.

    Raises:
        UsageError: another one is at work.
        OutputError: the folder cannot be written to.
    """
    ensure_folder(project.folder / ANNOTATION)
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    path = project.folder / ANNOTATION / ".lock"
    with open_own(path, "a") as file:
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


def _field(folder: Path, group: str, image: Path, flat: bool, shelf: Shelf) -> AnnotationField:
    stem = stem_of(image)
    masks = folder if flat else folder / "masks" / group
    endings = MASK_ENDINGS if flat else ("", *MASK_ENDINGS)
    pairs = [masks / f"{stem}{end}{suffix}" for end in endings for suffix in label_suffixes()]
    names = dict.fromkeys((image.stem, stem))  # differ for .ome.tif
    return AnnotationField(
        key=field_key(group, image),
        group=group,
        image=image,
        labelled=tuple(folder / "prelabels" / group / f"{name}_labels.tif" for name in names),
        mask=masks / f"{stem}{'_masks' if flat else ''}.tif",
        paired=tuple(pairs),
        names=frozenset(path.name for path in pairs),
        state=folder / ANNOTATION / group / stem,
        shelf=shelf,
    )


def user_name() -> str:
    """Who is logged in."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return f"user-{os.getuid()}" if hasattr(os, "getuid") else "annotator"
