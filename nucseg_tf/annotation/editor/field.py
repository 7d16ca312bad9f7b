"""The files of a field, and what lies on disk of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nucseg_tf.annotation.editor.prelabels import Objects, Suspect
from nucseg_tf.annotation.editor.shelf import MODEL, Prelabels, Shelf, beside

JOURNAL = "journal.jsonl"  # of the work on a field, see `store`


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
        stem: of its image.
        endings: that follow `stem` in the names of `mask` and of all other files that training
            would pair with the image; one tuple of all fields, for there are dozens.
        state: folder of the work on it.
        shelf: knows what is on disk of all fields.
    """

    key: str
    group: str
    image: Path
    labelled: tuple[Path, ...]
    mask: Path
    stem: str
    endings: tuple[str, ...]
    state: Path
    shelf: Shelf = field(compare=False, repr=False)

    @property
    def paired(self) -> list[Path]:
        """`mask` and all other files that training would pair with the image."""
        return [self.mask.with_name(self.stem + ending) for ending in self.endings]

    def masks(self) -> list[Path]:
        """Those of `paired` that exist."""
        return [path for path in self.paired if path.is_file()]

    def masks_among(self, names: Names) -> list[Path]:
        """Those of `paired` whose names are among these of its folder: asks no file."""
        if self.stem not in names.stems(self.endings):
            return []
        found = (self.stem + ending for ending in self.endings)
        return [self.mask.with_name(name) for name in found if name in names.all]

    def known(self, objects: Objects | None = None) -> Prelabels:
        """What is known now of the labels to begin from; `objects`: see `Shelf.look`."""
        return self.shelf.look(self.key, *self.labelled, objects=objects)

    def seen(self) -> Seen:
        """How it lies on disk now; for thousands of fields, `Project.look` is quicker."""
        return seen_as(self, self.is_begun, bool(self.masks()))

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


class Names:
    """Names of the files in a folder, listed once for all fields.

    Attributes:
        all: the names; none where there is no such folder.
    """

    def __init__(self, folder: Path):
        found = folder.iterdir() if folder.is_dir() else ()
        self.all = frozenset(path.name for path in found)
        self._stems: dict[tuple[str, ...], frozenset[str]] = {}

    def stems(self, endings: tuple[str, ...]) -> frozenset[str]:
        """What stands before one of the endings, of each name that has one.

        To ask for the dozens of names that masks of a field may have takes far longer.
        """
        if endings not in self._stems:
            ended = [name for name in self.all if name.endswith(endings)]
            pairs = ((name, end) for name in ended for end in endings if name.endswith(end))
            self._stems[endings] = frozenset(name.removesuffix(end) for name, end in pairs)
        return self._stems[endings]


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


def seen_as(
    one: AnnotationField, begun: bool, masked: bool, objects: Objects | None = None
) -> Seen:
    """A field of which this is known; only labels to begin from are asked for. See `Seen`."""
    known = Prelabels() if begun or masked else one.known(objects)
    return Seen(begun, masked, known)
