"""The fields of a project at work: who has which open, and what the server does with them."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from nucseg_tf.annotation.editor.history import read_history
from nucseg_tf.annotation.editor.locks import Lock, Locks
from nucseg_tf.annotation.editor.message import EditError, Message
from nucseg_tf.annotation.editor.pictures import Picture, read_picture
from nucseg_tf.annotation.editor.project import AnnotationField, Project
from nucseg_tf.annotation.editor.session import Session
from nucseg_tf.annotation.editor.store import BASE, JOURNAL, Store
from nucseg_tf.errors import DataError, NucsegError
from nucseg_tf.io.labels import read_labels
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


class LockedError(EditError):
    """Somebody else edits the field."""


class Workspace:
    """Sessions, pictures and locks of a project; for several threads at once.

    Attributes:
        project: its folder and fields.
        locks: who edits which field.
    """

    def __init__(
        self,
        project: Project,
        channel: str | None = None,
        z: str | None = None,
        locks: Locks | None = None,
        invert: bool = False,
    ):
        """Begin with nothing open.

        Args:
            project: its folder and fields.
            channel: of the images, see `read_image`.
            z: see `read_image`.
            locks: replaced in tests.
            invert: see `read_image`.
        """
        self.project = project
        self.locks = locks or Locks()
        self._planes: dict[str, Any] = {"channel": channel, "z": z, "invert": invert}
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._pictures: OrderedDict[str, Picture] = OrderedDict()
        self._guards = {key: threading.RLock() for key in project.fields}
        self._worked: dict[str, float] = {}  # seconds on a field that no entry tells of yet
        self._told: dict[str, float] = {}  # when a page last told of seconds
        self._summaries: dict[str, tuple[int, dict[str, Any]]] = {}

    # --- reading -----------------------------------------------------------------------------

    def listing(self) -> dict[str, Any]:
        """The list of fields, with the progress of each."""
        return {
            "name": self.project.folder.resolve().name,
            "folder": str(self.project.folder.resolve()),
            "model": self.project.model,
            "fields": [self._row(field) for field in self.project.fields.values()],
        }

    def _row(self, field: AnnotationField) -> dict[str, Any]:
        held = self.locks.holder(field.key)
        prelabelled = not field.masks()  # a mask goes before prelabels, see `store`
        row: dict[str, Any] = {
            "key": field.key,
            "status": "new",
            "count": field.objects if prelabelled else None,
            "suspects_left": len(field.suspects) if prelabelled else 0,
            "user": held.user if held else "",
            "page": held.page if held else "",
        }
        try:
            summary = self._summary(field)
        except NucsegError as error:
            return row | {"status": "error", "error": str(error)}
        if summary:
            row |= {"status": summary["status"], "count": summary["nuclei"]}
            row["suspects_left"] = summary["suspects_left"]
            if row["status"] == "accepted" and not field.mask.is_file():
                row["status"] = "reopened"
        return row

    def _summary(self, field: AnnotationField) -> dict[str, Any] | None:
        """Numbers of a field, or None where nobody has worked on it."""
        with self._guards[field.key]:
            session = self._sessions.get(field.key)
            if session is not None:
                return session.summary() if session.store.size else None
            journal = field.state / JOURNAL
            size = journal.stat().st_size if journal.is_file() else 0
            known = self._summaries.get(field.key)
            if known is None or known[0] != size:
                summary = read_history(field.state, size) if size else None
                if size and summary is None:
                    summary = _read_summary(field)
                if summary is None:
                    return None
                known = self._summaries[field.key] = size, summary
            return known[1]

    def picture(self, key: str) -> Picture:
        """The image of a field."""
        field = self._field(key)
        with self._guards[key]:
            picture = self._pictures.pop(key, None)
            picture = picture or read_picture(field.image, **self._planes)
            self._pictures[key] = picture
            while len(self._pictures) > KEEP:
                self._pictures.popitem(last=False)
            return picture

    def labels(self, key: str) -> tuple[int, bytes]:
        """Revision of a field and its labels as runs, uint32 little-endian."""
        with self._guards[self._field(key).key]:
            store = self._session(key).store
            return store.revision, to_runs(store.labels.pixels).astype("<u4").tobytes()

    def history(self, key: str) -> dict[str, Any]:
        """Who did what to a field."""
        with self._guards[self._field(key).key]:
            return self._session(key).summary()

    # --- pages -------------------------------------------------------------------------------

    def open(self, visit: Visit, over: bool = False) -> dict[str, Any]:
        """What the page needs to show a field; takes its lock if it is free.

        Args:
            visit: who asks for what.
            over: take the lock from another window of the same user.
        """
        picture = self.picture(visit.field)
        with self._guards[visit.field]:
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
                **_held(lock, visit.page),
                **session.state(),
            }

    def beat(self, visit: Visit) -> dict[str, Any]:
        """A sign of life of a page, with the seconds that its user worked."""
        with self._guards[self._field(visit.field).key]:
            lock = self.locks.take(visit.field, visit.page, visit.user)
            if lock.page == visit.page:
                self._work(visit)
            revision = self._session(visit.field).store.revision
            return _held(lock, visit.page) | {"revision": revision}

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
        with self._writable(visit) as (session, seconds):
            return session.edit(message, visit.user, seconds)

    def review(self, visit: Visit, label: int) -> dict[str, Any]:
        """Note that a suspect is right."""
        with self._writable(visit) as (session, seconds):
            return session.review(label, visit.user, seconds)

    def accept(self, visit: Visit, revision: int) -> dict[str, Any]:
        """Write the mask of a field, if the page shows its labels as they are."""
        with self._writable(visit) as (session, seconds):
            session.check_seen(revision)
            return session.accept(visit.user, self.picture(visit.field).pixel_size, seconds)

    def reopen(self, visit: Visit, revision: int) -> dict[str, Any]:
        """Allow edits of an accepted field, if the page shows its labels as they are."""
        with self._writable(visit) as (session, _):
            session.check_seen(revision)
            return session.reopen(visit.user)

    def close(self) -> None:
        """Bring all files up to date and close them."""
        for key in list(self._sessions):
            with self._guards[key]:
                self._put_away(key)

    # --- what these share --------------------------------------------------------------------

    def _field(self, key: str) -> AnnotationField:
        """A field by the name that the page sent; names are looked up, never made into paths."""
        if key not in self.project.fields:
            raise UnknownFieldError(f"no such field. Received: {key[:200]!r}")
        return self.project.fields[key]

    def _session(self, key: str) -> Session:
        session = self._sessions.pop(key, None)
        if session is None:
            shape = self.picture(key).shape
            session = Session(Store(self._field(key), shape, self.project.model))
        self._sessions[key] = session
        for other in list(self._sessions)[:-KEEP]:
            guard = self._guards[other]
            if self.locks.holder(other) is None and guard.acquire(blocking=False):
                try:
                    self._put_away(other)
                finally:
                    guard.release()
        return session

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
                raise LockedError(f"{lock.user} edits this field in another window")
            self._work(visit)
            yield self._session(key), self._worked.get(key, 0)
            self._worked[key] = 0

    def _work(self, visit: Visit) -> None:
        """Add the seconds that a page tells of, as far as they can have passed."""
        now = time.monotonic()
        passed = now - self._told.get(visit.page, now)
        self._told[visit.page] = now
        worked = min(visit.seconds, passed + 1)
        self._worked[visit.field] = self._worked.get(visit.field, 0) + worked


def _held(lock: Lock, page: str) -> dict[str, Any]:
    return {"writable": lock.page == page, "user": lock.user}


def _read_summary(field: AnnotationField) -> dict[str, Any] | None:
    """From the journal, where history.json is not up to date."""
    base = field.state / BASE
    if not base.is_file():
        return None
    session = Session(Store(field, read_labels(base).shape))
    summary = session.summary() if session.store.size else None
    session.close()
    return summary
