"""The fields of a project at work: who has which open, and what the server does with them."""

from __future__ import annotations

import hashlib
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nucseg_tf.annotation.editor.locks import Lock, Locks
from nucseg_tf.annotation.editor.message import EditError, Message
from nucseg_tf.annotation.editor.others import read_others
from nucseg_tf.annotation.editor.pictures import Picture, read_picture
from nucseg_tf.annotation.editor.planes import (
    PlaneChoice,
    offer,
    read_choice,
    read_plane,
    write_choice,
)
from nucseg_tf.annotation.editor.project import (
    ANNOTATION,
    AnnotationField,
    Project,
    Seen,
)
from nucseg_tf.annotation.editor.rows import Summaries, begun_row, new_row
from nucseg_tf.annotation.editor.session import Session
from nucseg_tf.annotation.editor.shelf import Stamp, stamp
from nucseg_tf.annotation.editor.store import Store
from nucseg_tf.annotation.editor.thumbnails import Thumbnails
from nucseg_tf.annotation.loop import versions
from nucseg_tf.annotation.loop.learn import Learn, judge_project
from nucseg_tf.annotation.magic.keeper import Keeper
from nucseg_tf.annotation.magic.look import Look
from nucseg_tf.errors import DataError, NucsegError
from nucseg_tf.io.runs import to_runs

KEEP = 4  # fields held in memory although no page edits them


@dataclass(frozen=True)
class Visit:
    """What a page says with each request.

    Attributes:
        field: its key.
        page: random name of the window.
        user: whose it is.
        seconds: worked since its last request.
    """

    field: str
    page: str
    user: str
    seconds: float = 0


class UnknownFieldError(DataError):
    """No field of that name."""


class ClosedError(EditError):
    """The project is no longer the one at work."""


class BegunError(EditError):
    """Fields were corrected already, on another plane."""


class LockedError(EditError):
    """Somebody else edits the field."""


class Workspace:
    """Sessions, pictures and locks of a project; for several threads at once.

    Attributes:
        project: its folder and fields.
        locks: who edits which field.
        options: planes of the images by the command line.
        choice: the same, and where they say nothing, what the project chose.
        magic: the model, for nuclei under clicks.
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
            options: planes of the images by the command line; before what the project chose, and
                kept, for trainings to read them.
            locks: replaced in tests.
            magic: the same.
        """
        self.project = project
        self.magic = magic or Keeper(project.folder)
        self.locks = locks or Locks()
        self.options = options or PlaneChoice()
        kept = read_choice(project.folder)
        self.choice = self.options.over(kept)
        if self.choice != kept:
            write_choice(project.folder, self.choice)
        self._choice = threading.Lock()
        self._closed = False
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._pictures: OrderedDict[tuple[str, PlaneChoice, Stamp], Picture] = OrderedDict()
        self._thumbnails = Thumbnails(project.folder / ANNOTATION)
        self._guards = {key: threading.RLock() for key in project.fields}
        self._worked: dict[str, float] = {}  # seconds on a field that no entry tells of yet
        self._told: dict[str, float] = {}  # when a page last told of seconds
        self._summaries = Summaries()

    # --- reading -----------------------------------------------------------------------------

    def listing(self) -> dict[str, Any]:
        """The list of fields, with the progress of each."""
        return {
            "id": project_id(self.project),
            "name": self.project.folder.resolve().name,
            "folder": str(self.project.folder.resolve()),
            "model": self.project.model,
            "choice": asdict(self.choice),
            "fields": self._rows(),
        }

    def _rows(self) -> list[dict[str, Any]]:
        seen = self.project.look()
        judged = judge_project(self.project, seen)
        current = versions.current(self.project.folder)
        return [
            self._row(self.project.fields[key], now, judged.get(key), current)
            for key, now in seen.items()
        ]

    def _row(
        self, field: AnnotationField, now: Seen, learn: Learn | None, current: str
    ) -> dict[str, Any]:
        held = self.locks.holder(field.key)
        row = new_row(field, now, learn, held, (self.project.model, current))
        if not now.begun:
            return row
        try:
            summary = self._summary(field)
        except NucsegError as error:
            return row | {"status": "error", "error": str(error)}
        return begun_row(row, field, summary) if summary else row

    def _summary(self, field: AnnotationField) -> dict[str, Any] | None:
        """Numbers of a field, or None where nobody has worked on it."""
        with self._guards[field.key]:
            session = self._sessions.get(field.key)
            if session is None:
                return self._summaries.get(field)
            return session.summary() if session.store.size else None

    def picture(self, key: str) -> Picture:
        """The image of a field."""
        field = self._field(key)
        with self._guards[key]:
            choice, now = self.choice, stamp(field.image)  # other programs may replace images
            picture = self._pictures.pop((key, choice, now), None)
            picture = picture or read_picture(field.image, choice)
            self._pictures[key, choice, now] = picture
            while len(self._pictures) > KEEP:
                self._pictures.popitem(last=False)
            return picture

    def labels(self, key: str, of: str = "") -> tuple[int, bytes]:
        """Revision of a field and its labels as runs, uint32 little-endian.

        Args:
            key: of the field.
            of: one of `others.KINDS`, or "": the labels as they are.

        Raises:
            NoLabelsError: there are no such labels.
        """
        field = self._field(key)
        with self._guards[key]:
            store = self._session(key).store
            pixels = store.labels.pixels
            if of:
                pixels = read_others(field, of, store.shape)
            return store.revision, to_runs(pixels).astype("<u4").tobytes()

    def history(self, key: str) -> dict[str, Any]:
        """Who did what to a field."""
        with self._guards[self._field(key).key]:
            return self._session(key).summary()

    # --- pages -------------------------------------------------------------------------------

    def open(self, visit: Visit, over: bool = False) -> dict[str, Any]:
        """What the page needs to show a field; takes its lock if it is free.

        Args:
            visit: who asks for what.
            over: take the lock from another window of the same user, or where nobody works.
        """
        picture = self.picture(visit.field)
        with self._guards[visit.field]:
            session = self._session(visit.field)
            if session.store.shape != picture.shape:  # the image was replaced
                self._put_away(visit.field)
                session = self._session(visit.field)
            lock = self.locks.take(visit.field, visit.page, visit.user, over)
            self._told[visit.page] = time.monotonic()
            return {
                "key": visit.field,
                "image": picture.header(),
                "from": session.store.begin["from"],
                "model": session.store.begin["model"],
                "prelabels_changed": session.prelabels_changed(),
                "suspects": session.suspects(),
                **self._held(lock, visit.page),
                **session.state(),
            }

    def beat(self, visit: Visit) -> dict[str, Any]:
        """A sign of life of a page, with the seconds that its user worked."""
        with self._guards[self._field(visit.field).key]:
            works = visit.seconds > 0
            lock = self.locks.take(visit.field, visit.page, visit.user, works=works)
            if lock.page == visit.page:
                self._work(visit)
            revision = self._session(visit.field).store.revision
            return self._held(lock, visit.page) | {"revision": revision}

    def leave(self, visit: Visit) -> dict[str, Any]:
        """A page closes a field."""
        key = self._field(visit.field).key
        with self._guards[key]:
            held = self.locks.holder(key)
            if held is not None and held.page == visit.page:
                self._work(visit)
                try:
                    if key in self._sessions:
                        self._sessions[key].leave(visit.user, self._worked.pop(key, 0))
                finally:
                    self.locks.release(key, visit.page)
        return {}

    def edit(self, visit: Visit, message: Message) -> dict[str, Any]:
        """Make an edit."""
        look = self._look(visit.field, message.points[0]) if message.tool == "magic" else None
        with self._writable(visit) as (session, seconds):
            return session.edit(message, visit.user, seconds, look)

    def prepare(self, visit: Visit) -> dict[str, Any]:
        """Get the model ready for clicks in a field, and say whether it is; see `magic.keeper`."""
        key = self._field(visit.field).key

        def read() -> tuple[np.ndarray, float | None]:
            picture = self.picture(key)
            return picture.pixels, picture.pixel_size

        return self.magic.prepare(key, read)

    def _look(self, key: str, point: Sequence[float]) -> Look:
        """What is seen under a click; computed before others have to wait for the field.

        Raises:
            EditError: it is outside the field, or the model is not loaded yet.
        """
        picture = self.picture(key)
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
            picture = self.picture(visit.field)
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
        self._closed = True
        self.magic.close()
        for key in list(self._sessions):
            with self._guards[key]:
                self._put_away(key)

    # --- images ------------------------------------------------------------------------------

    def thumbnail(self, key: str) -> bytes:
        """A small JPEG of a field; for one thread at a time."""
        return self._thumbnails.get(self._field(key).image, self.choice)

    def planes(self, key: str) -> dict[str, Any]:
        """What channels, planes and times a field's image has, and what is chosen."""
        found = offer(self._field(key).image, self.choice)
        return found | {"fixed": list(self.options.said())}

    def choose(self, visit: Visit, choice: PlaneChoice, over: bool = False) -> dict[str, Any]:
        """Show another plane of all images.

        Args:
            visit: who asks; the image of the field must have the plane.
            choice: of the project; options of the command line go before it.
            over: also if fields were corrected on another plane.

        Raises:
            BegunError: they were.
            ImageReadError: the image has no such plane.
        """
        wanted = self.options.over(choice)
        read_plane(self._field(visit.field).image, wanted)
        with self._choice:
            begun = [field for field in list(self.project.fields.values()) if field.is_begun]
            if begun and wanted != self.choice and not over:
                raise BegunError(f"{len(begun)} fields were worked on as they are shown now")
            write_choice(self.project.folder, wanted)
            self.choice = wanted
            self.magic.forget()
        return asdict(wanted)

    def add_image(self, image: Path) -> dict[str, Any]:
        """Take an image into the list that has come into the project; its row."""
        field = self.project.with_image(image)
        self._guards[field.key] = threading.RLock()
        seen = Seen(field.is_begun, bool(field.masks()), field.known())
        return self._row(field, seen, None, versions.current(self.project.folder))

    # --- what these share --------------------------------------------------------------------

    def _field(self, key: str) -> AnnotationField:
        """A field by the name that the page sent; names are looked up, never made into paths."""
        if key not in self.project.fields:
            raise UnknownFieldError(f"no such field. Received: {key[:200]!r}")
        return self.project.fields[key]

    def _session(self, key: str, fresh: bool = True) -> Session:
        """The session of a field.

        Args:
            key: of the field.
            fresh: whether new prelabels take the place of those that nobody has edited. An edit
                is of those that its page shows.
        """
        if self._closed:
            raise ClosedError("another folder was opened; the page is loaded anew")
        session = self._sessions.pop(key, None)
        if session is None:
            session = self._begin(key)
        elif fresh and session.store.outdated:
            session.close()
            before, session = session.store.revision, self._begin(key)
            if session.store.revision == before:
                session.store.renumber(before + 1)
        self._sessions[key] = session
        for other in list(self._sessions)[:-KEEP]:
            guard = self._guards[other]
            if self.locks.holder(other) is None and guard.acquire(blocking=False):
                try:
                    self._put_away(other)
                finally:
                    guard.release()
        return session

    def _begin(self, key: str) -> Session:
        shape = self.picture(key).shape
        return Session(Store(self._field(key), shape, self.project.model))

    def _put_away(self, key: str) -> None:
        session = self._sessions.pop(key, None)
        if session is None:
            return
        held = self.locks.holder(key)
        try:
            session.leave(held.user if held else "", self._worked.pop(key, 0))
        finally:
            session.close()

    @contextmanager
    def _writable(self, visit: Visit) -> Iterator[tuple[Session, float]]:
        """The session of a field that a page may write to, and the seconds worked on it.

        Raises:
            LockedError: another page edits it.
        """
        key = self._field(visit.field).key
        with self._guards[key]:
            lock = self.locks.take(key, visit.page, visit.user)
            if lock.page != visit.page:
                raise LockedError(f"{lock.user} edits this field in another window now")
            self._work(visit)
            yield self._session(key, fresh=False), self._worked.get(key, 0)
            self._worked[key] = 0

    def _work(self, visit: Visit) -> None:
        """Add the seconds that a page tells of, as far as they can have passed."""
        now = time.monotonic()
        passed = now - self._told.get(visit.page, now)
        self._told[visit.page] = now
        worked = min(visit.seconds, passed + 1)
        self._worked[visit.field] = self._worked.get(visit.field, 0) + worked

    def _held(self, lock: Lock, page: str) -> dict[str, Any]:
        """Who edits a field; `idle` is None, or seconds if it may be taken over."""
        mine = lock.page == page
        idle = None if mine else self.locks.idle(lock)
        return {"writable": mine, "user": lock.user, "idle": idle}


def project_id(project: Project) -> str:
    """What pages call a project by: their edits must not reach another one."""
    path = str(project.folder.resolve())
    return hashlib.sha256(path.encode(errors="surrogateescape")).hexdigest()[:16]
