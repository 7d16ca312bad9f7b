"""The fields of a project at work: who has which open, and what the server does with them."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from nucseg_tf.annotation.editor.attendance import Attendance
from nucseg_tf.annotation.editor.images import Images
from nucseg_tf.annotation.editor.listing import Listing
from nucseg_tf.annotation.editor.locks import Locks
from nucseg_tf.annotation.editor.message import EditError, Message
from nucseg_tf.annotation.editor.open_fields import OpenFields
from nucseg_tf.annotation.editor.others import read_others
from nucseg_tf.annotation.editor.planes import PlaneChoice
from nucseg_tf.annotation.editor.project import Project, project_id
from nucseg_tf.annotation.editor.rows import Rows
from nucseg_tf.annotation.editor.session import Session
from nucseg_tf.annotation.editor.shown import numbers_of, prelabels_changed, sum_up, suspects_of
from nucseg_tf.annotation.editor.visit import Visit
from nucseg_tf.annotation.magic.keeper import Keeper
from nucseg_tf.annotation.magic.look import Look
from nucseg_tf.io.runs import to_runs


class Workspace:
    """A project that pages work on; for several threads at once.

    Attributes:
        project: its folder and fields.
        images: as pages see them.
        locks: who edits which field.
        magic: the model, for nuclei under clicks.
        listing: the list of fields, with the progress of each.
    """

    def __init__(
        self,
        project: Project,
        options: PlaneChoice | None = None,
        locks: Locks | None = None,
        magic: Keeper | None = None,
    ):
        """Begin with nothing open.

        Args:
            project: its folder and fields.
            options: planes of the images by the command line; see `Images`.
            locks: replaced in tests.
            magic: the same.
        """
        self.project = project
        self.magic = magic or Keeper(project.folder)
        self.locks = locks or Locks()
        self._guards = {key: threading.RLock() for key in project.fields}
        self._attendance = Attendance(self.locks)
        self.images = Images(project, options or PlaneChoice(), self._guards)
        self._fields = OpenFields(project, self.images, self._attendance, self._guards)
        self._rows = Rows(project, self._fields, self.locks, self._guards)
        self.listing = Listing(self._rows)

    # --- reading -----------------------------------------------------------------------------

    def head(self) -> dict[str, Any]:
        """What pages show of the project, beside the list of fields."""
        return {
            "id": project_id(self.project),
            "name": self.project.folder.resolve().name,
            "folder": str(self.project.folder.resolve()),
            "model": self.project.model,
            "choice": asdict(self.images.choice),
        }

    def labels(self, key: str, of: str = "") -> tuple[int, bytes]:
        """Revision of a field and its labels as runs, uint32 little-endian.

        Args:
            key: of the field.
            of: one of `others.KINDS`, or "": the labels as they are.

        Raises:
            NoLabelsError: there are no such labels.
        """
        field = self.project.field(key)
        with self._guards[key]:
            store = self._fields.open(key).store
            pixels = store.labels.pixels
            if of:
                pixels = read_others(field, of, store.shape)
            return store.revision, to_runs(pixels).astype("<u4").tobytes()

    def history(self, key: str) -> dict[str, Any]:
        """Who did what to a field."""
        with self._guards[self.project.field(key).key]:
            return sum_up(self._fields.open(key).store)

    # --- pages -------------------------------------------------------------------------------

    def open(self, visit: Visit, over: bool = False) -> dict[str, Any]:
        """What the page needs to show a field; takes its lock if it is free.

        Args:
            visit: who asks for what.
            over: take the lock from another window of the same user, or where nobody works.
        """
        picture = self.images.picture(visit.field)
        with self._guards[visit.field]:
            session = self._fields.open(visit.field)
            if session.store.shape != picture.shape:  # the image was replaced
                self._fields.put_away(visit.field)
                session = self._fields.open(visit.field)
            held = self._attendance.begin(visit, over)
            self.listing.touch(visit.field)
            return {
                "key": visit.field,
                "image": picture.header(),
                "from": session.store.begin["from"],
                "model": session.store.begin["model"],
                "prelabels_changed": prelabels_changed(session.store),
                "suspects": suspects_of(session.store),
                **held,
                **numbers_of(session.store),
            }

    def beat(self, visit: Visit) -> dict[str, Any]:
        """A sign of life of a page, with the seconds that its user worked."""
        with self._guards[self.project.field(visit.field).key]:
            held = self._attendance.beat(visit)
            return held | {"revision": self._fields.open(visit.field).store.revision}

    def leave(self, visit: Visit) -> dict[str, Any]:
        """A page closes a field."""
        key = self.project.field(visit.field).key
        with self._guards[key]:
            if self._attendance.end(visit):
                session = self._fields.known(key)
                try:
                    if session is not None:
                        session.leave(visit.user, self._attendance.take_seconds(key))
                finally:
                    self.locks.release(key, visit.page)
            self.listing.touch(key)
        return {}

    def edit(self, visit: Visit, message: Message) -> dict[str, Any]:
        """Make an edit."""
        look = self._look(visit.field, message.points[0]) if message.tool == "magic" else None
        with self._writable(visit) as (session, seconds):
            return session.edit(message, visit.user, seconds, look)

    def prepare(self, visit: Visit) -> dict[str, Any]:
        """Get the model ready for clicks in a field, and say whether it is; see `magic.keeper`."""
        key = self.project.field(visit.field).key

        def read() -> tuple[np.ndarray, float | None]:
            picture = self.images.picture(key)
            return picture.pixels, picture.pixel_size

        return self.magic.prepare(key, read)

    def _look(self, key: str, point: Sequence[float]) -> Look:
        """What is seen under a click; computed before others have to wait for the field.

        Raises:
            EditError: it is outside the field, or the model is not loaded yet.
        """
        picture = self.images.picture(key)
        row, column = (math.floor(value) for value in point)
        if not (0 <= row < picture.shape[0] and 0 <= column < picture.shape[1]):
            raise EditError("outside the field")
        look = self.magic.look(key, picture.pixels, picture.pixel_size, (row, column))
        if look is None:
            raise EditError("the model is being loaded; click again in a moment")
        return look

    def review(self, visit: Visit, label: int) -> dict[str, Any]:
        """Note that a suspect is right."""
        with self._writable(visit) as (session, seconds):
            return session.review(label, visit.user, seconds)

    def accept(self, visit: Visit, revision: int) -> dict[str, Any]:
        """Write the mask of a field, if the page shows its labels as they are."""
        with self._writable(visit) as (session, seconds):
            session.check_seen(revision)
            picture = self.images.picture(visit.field)
            if session.store.shape != picture.shape:
                raise EditError("the image was replaced by one of another size; load the page anew")
            return session.accept(visit.user, picture.pixel_size, seconds)

    def reopen(self, visit: Visit, revision: int) -> dict[str, Any]:
        """Allow edits of an accepted field, if the page shows its labels as they are."""
        with self._writable(visit) as (session, _):
            session.check_seen(revision)
            return session.reopen(visit.user)

    def set_aside(self, visit: Visit, revision: int, on: bool) -> dict[str, Any]:
        """Set a field aside that cannot be judged, or take it back."""
        with self._writable(visit) as (session, seconds):
            session.check_seen(revision)
            return session.set_aside(on, visit.user, seconds)

    def close(self) -> None:
        """Bring all files up to date and close them; whoever comes later is refused."""
        self._fields.close()
        self.magic.close()

    # --- images ------------------------------------------------------------------------------

    def choose(self, visit: Visit, choice: PlaneChoice, over: bool = False) -> dict[str, Any]:
        """Show another plane of all images; see `Images.choose`."""
        chosen = self.images.choose(visit, choice, over)
        self.magic.forget()
        return chosen

    def add_image(self, image: Path) -> dict[str, Any]:
        """Take an image into the list that has come into the project; its row."""
        field = self.project.with_image(image)
        self._guards[field.key] = threading.RLock()
        self.listing.touch(field.key)
        return self._rows.of(field.key)

    # --- what these share --------------------------------------------------------------------

    @contextmanager
    def _writable(self, visit: Visit) -> Iterator[tuple[Session, float]]:
        """The session of a field that a page may write to, and the seconds worked on it.

        Raises:
            LockedError: another page edits it.
        """
        key = self.project.field(visit.field).key
        with self._guards[key]:
            seconds = self._attendance.write(visit)
            yield self._fields.open(key, fresh=False), seconds
            self._attendance.take_seconds(key)
            self.listing.touch(key)
