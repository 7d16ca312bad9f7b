"""The fields that are open: their labels and journals, held in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping

from nucseg_tf.annotation.editor.attendance import Attendance
from nucseg_tf.annotation.editor.images import Images
from nucseg_tf.annotation.editor.project import Project
from nucseg_tf.annotation.editor.session import Session
from nucseg_tf.annotation.editor.store import Store
from nucseg_tf.annotation.editor.visit import ClosedError

KEEP = 4  # fields held in memory although no page edits them


class OpenFields:
    """A session of each; for several threads at once, each of which holds the field's guard."""

    def __init__(
        self,
        project: Project,
        images: Images,
        attendance: Attendance,
        guards: Mapping[str, threading.RLock],
    ):
        """Begin with nothing open.

        Args:
            project: its folder and fields.
            images: say what shape labels must have.
            attendance: fields that are locked stay open.
            guards: of each field; held by others while they work on it.
        """
        self._project = project
        self._images = images
        self._attendance = attendance
        self._guards = guards
        self._closed = False
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def known(self, key: str) -> Session | None:
        """The session of a field if it is open."""
        return self._sessions.get(key)

    def open(self, key: str, fresh: bool = True) -> Session:
        """The session of a field.

        Args:
            key: of the field.
            fresh: whether new prelabels take the place of those that nobody has edited. An edit
                is of those that its page shows.

        Raises:
            ClosedError: all was closed.
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
        self._put_others_away()
        return session

    def _begin(self, key: str) -> Session:
        shape = self._images.picture(key).shape
        return Session(Store(self._project.field(key), shape, self._project.model))

    def _put_others_away(self) -> None:
        for other in list(self._sessions)[:-KEEP]:
            guard = self._guards[other]
            if self._attendance.locks.holder(other) is None and guard.acquire(blocking=False):
                try:
                    self.put_away(other)
                finally:
                    guard.release()

    def put_away(self, key: str) -> None:
        """Bring the files of a field up to date and close them, if it is open."""
        session = self._sessions.pop(key, None)
        if session is None:
            return
        held = self._attendance.locks.holder(key)
        try:
            session.leave(held.user if held else "", self._attendance.take_seconds(key))
        finally:
            session.close()

    def close(self) -> None:
        """Put all away; whoever comes later is refused."""
        self._closed = True
        for key in list(self._sessions):
            with self._guards[key]:
                self.put_away(key)
