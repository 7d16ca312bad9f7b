"""The labels of one field and all that happened to them, on disk.

    base.tif        the labels that the work began from, a copy of their file; never changes
    journal.jsonl   begin, edit, region, undo, redo, review, accept, reopen, aside, visit, snapshot:
                    all that happened, in order; the truth
    labels.tif      the labels at the last snapshot: when the page left the field, and when it was
                    accepted
    history.json    sums of the journal, see `history`

Nothing of this is written until the first edit. From then on the field keeps its own labels, also
where the prelabels change. Edits hold what was there before, so they are undone from the journal,
also after a restart. Where labels.tif is missing or is not what the journal says, the labels are
made anew from base.tif.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from nucseg_tf.annotation.editor.field import JOURNAL, AnnotationField
from nucseg_tf.annotation.editor.history import CHANGES, History, now
from nucseg_tf.annotation.editor.journal import Entry, Journal
from nucseg_tf.annotation.editor.origin import (
    find_origin,
    read_labels_of,
    read_origin,
    state_of_origin,
)
from nucseg_tf.annotation.editor.patches import LabelMap
from nucseg_tf.annotation.editor.shelf import sha256
from nucseg_tf.data.regions import check_boxes
from nucseg_tf.errors import DataError
from nucseg_tf.io.boxes import shape_of
from nucseg_tf.io.files import atomic_path, ensure_folder
from nucseg_tf.io.labels import write_labels
from nucseg_tf.io.runs import from_runs

BASE, LABELS = "base.tif", "labels.tif"


class Store:
    """See the module docstring. Not for several threads at once.

    Attributes:
        field: its files.
        labels: as they are now.
        history: of the journal.
        regions: boxes in which everything is corrected; none: the whole field, once accepted.
        begin: the first entry of the journal, or what it will be.
        revision: counts the changes of the labels; those of a model begin with a number that is
            theirs, so that no page takes the labels of another model for them.
        undo: places in the journal of the edits that can be undone.
        redo: the same, of those that were.
        made: the revision after each edit, undo and redo, by its id.
        size: bytes of the journal; 0 before the first edit.
    """

    def __init__(self, field: AnnotationField, shape: tuple[int, ...], model: str = ""):
        """Take up the work of earlier, or the labels to begin from.

        Args:
            field: its files.
            shape: (H, W) of its image.
            model: what made the prelabels.

        Raises:
            LabelError: labels of another shape than the image.
            DataError: the journal is damaged.
        """
        self.field = field
        self.history = History()
        self.regions: list[list[int]] = []
        self._regions_at: dict[int, Entry] = {}  # entries that changed them, by place
        self.revision = 0
        self.undo: list[int] = []
        self.redo: list[int] = []
        self.made: dict[str, int] = {}
        self._journal: Journal | None = None
        self._drawn = True  # whether labels.tif lacks what happened to the labels
        self._seen = state_of_origin(field)
        entries = self._open()
        if entries:
            self.begin = entries[0][1]
            try:
                self.revision = self.begin.get("revision", 0)
                self._replay(entries, shape)
            except BaseException:
                self.close()
                raise
        else:
            self.begin, pixels = read_origin(field, shape, model)
            self.labels = LabelMap(pixels)
            self.regions = self.begin["regions"]
            self.revision = self.begin["revision"]

    @property
    def size(self) -> int:
        """Bytes of the journal; 0 before the first edit."""
        return self._journal.size if self._journal else 0

    @property
    def outdated(self) -> bool:
        """Whether others have replaced what an edit would begin from, and nobody has edited."""
        return not self.size and self._seen != state_of_origin(self.field)

    @property
    def shape(self) -> tuple[int, ...]:
        """(H, W) of the labels."""
        return self.labels.pixels.shape

    def renumber(self, revision: int) -> None:
        """Give labels that nobody has edited another revision, as others had this one before."""
        self.revision = self.begin["revision"] = revision

    def _open(self) -> list[tuple[int, Entry]]:
        path = self.field.state / JOURNAL
        if not path.is_file():
            return []
        self._journal = Journal(path)
        entries = self._journal.read()
        if not entries:  # killed while the first line was written
            self.close()
        return entries

    def _replay(self, entries: list[tuple[int, Entry]], shape: tuple[int, ...]) -> None:
        """Follow the journal; labels only from the snapshot on, if labels.tif is one."""
        start = 0
        path = self.field.state / LABELS
        digest = sha256(path) if path.is_file() else None
        for index, (_, entry) in enumerate(entries):
            if digest and entry.get("labels") == digest:
                start = index + 1
        self._drawn = start == 0
        self.labels = LabelMap(read_labels_of(path if start else self.field.state / BASE, shape))
        try:
            self.regions = _boxes(self.begin.get("regions", []))
        except ValueError as error:
            raise self._damaged(0, error) from error
        for index, (place, entry) in enumerate(entries):
            try:
                if (entry["type"] == "begin") != (index == 0):
                    raise ValueError("begin belongs into the first line, and only there")
                self.history.add(entry)
                self.labels.next_label = max(self.labels.next_label, entry.get("next", 0))
                self._follow(place, entry, index >= start)
            except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
                raise self._damaged(index, error) from error
        if self.history.status == "accepted" and not self.field.mask.is_file():
            self.history.status = "reopened"  # somebody took the mask away

    def _damaged(self, index: int, error: Exception) -> DataError:
        return DataError(
            f"{self.field.state / JOURNAL}: line {index + 1} is no entry that follows those before "
            "it. Put the file back from a copy, or move its folder away to begin this field anew. "
            f"Received: {error!r}"
        )

    def _follow(self, place: int, entry: Entry, apply: bool = True) -> None:
        """Do what an entry does to the labels and to what can be undone."""
        kind = entry["type"]
        if kind not in CHANGES:
            return
        if kind in ("edit", "region"):
            self.undo.append(place)
            self.redo.clear()
        else:
            taken, given = (self.undo, self.redo) if kind == "undo" else (self.redo, self.undo)
            place = taken.pop()
            given.append(place)
        self.revision += 1
        self.made[entry["id"]] = self.revision
        if kind == "region":
            self._regions_at[place] = entry
        if place in self._regions_at:
            self.regions = _boxes(self._regions_at[place]["before" if kind == "undo" else "boxes"])
        elif apply:
            change = entry if kind == "edit" else self.changed(kind)
            box = tuple(change["box"])
            values = change["before" if kind == "undo" else "after"]
            self.labels.apply(box, from_runs(values, shape_of(box)))
            self._drawn = True

    def is_last(self, tool: str) -> bool:
        """Whether the last step can have been one of a tool: there is what it made or took back."""
        return bool(self.redo if tool == "undo" else self.undo)

    def changed(self, kind: str) -> Entry:
        """The edit that the last step, of this type, made or took back."""
        if self._journal is None:
            raise DataError(f"{self.field.state}: no journal. Received: {kind}")
        return self._journal.read_at((self.redo if kind == "undo" else self.undo)[-1])

    def write(self, entry: Entry, user: str, seconds: float = 0) -> None:
        """Add an entry to the journal, wait until it is on the disk, and do what it says.

        Args:
            entry: `type`, and what belongs to it.
            user: who did it.
            seconds: worked since the last entry.

        Raises:
            OutputError: it cannot be written; nothing has changed.
        """
        journal = self.begin_journal(user)
        entry |= {"time": now(), "user": user, "next": self.labels.next_label}
        entry |= {"seconds": round(seconds, 1)} if seconds else {}
        place = journal.append(entry)
        self.history.add(entry)
        self._follow(place, entry)

    def begin_journal(self, user: str) -> Journal:
        """The journal; with it the folder of the field and the labels that the work begins from.

        Raises:
            OutputError: it cannot be written.
        """
        if self._journal is not None:
            return self._journal
        state = ensure_folder(self.field.state)
        path = state / BASE
        source = find_origin(self.field)[1]
        same = (source, self.begin["sha256"]) if source and source.suffix == path.suffix else None
        _save(path, self.labels.pixels, same)
        journal = Journal(state / JOURNAL)
        self.begin |= {"time": now(), "user": user}
        try:
            journal.append(self.begin)
        except BaseException:
            journal.close()
            raise
        self._journal = journal
        self.history.add(self.begin)
        return journal

    def snapshot(self, written: tuple[Path, str] | None = None) -> None:
        """Write labels.tif, if anything has happened to the labels since the last time.

        Args:
            written: a file that has the labels as they are, to copy, and its hash.
        """
        if self._journal is None or not self._drawn:
            return
        path = self.field.state / LABELS
        _save(path, self.labels.pixels, written)
        self.write({"type": "snapshot", "labels": sha256(path)}, "")
        self._drawn = False

    def close(self) -> None:
        """Close the journal."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None


def _boxes(value: Any) -> list[list[int]]:
    """Regions as an entry has them, maybe none; ValueError."""
    return [list(box) for box in check_boxes(value)] if value != [] else []


def _save(path: Path, labels: np.ndarray, same: tuple[Path, str] | None) -> None:
    """Write labels; they are on the disk afterwards.

    Args:
        path: of the file.
        labels: (H, W) int32.
        same: a file that has them, to copy, and its hash; quicker than to compress them anew.
    """
    if same is not None:
        with atomic_path(path, synced=True) as temporary:
            shutil.copyfile(same[0], temporary)
    if same is None or sha256(path) != same[1]:  # others have just replaced it
        write_labels(path, labels, synced=True)
