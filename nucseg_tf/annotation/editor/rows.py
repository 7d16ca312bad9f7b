"""The list of fields: a row for each, with its progress."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nucseg_tf.annotation.editor.field import JOURNAL, AnnotationField, Seen
from nucseg_tf.annotation.editor.history import read_history
from nucseg_tf.annotation.editor.locks import Lock, Locks
from nucseg_tf.annotation.editor.open_fields import OpenFields
from nucseg_tf.annotation.editor.project import Project
from nucseg_tf.annotation.editor.shelf import Stamp, stamp
from nucseg_tf.annotation.editor.shown import sum_up
from nucseg_tf.annotation.editor.store import BASE, Store
from nucseg_tf.annotation.loop import versions
from nucseg_tf.annotation.loop.learn import Learn, judge_project
from nucseg_tf.errors import NucsegError
from nucseg_tf.io.labels import read_labels


class Rows:
    """The rows of a project; for several threads at once."""

    def __init__(
        self,
        project: Project,
        fields: OpenFields,
        locks: Locks,
        guards: Mapping[str, threading.RLock],
    ):
        """Begin with nothing read.

        Args:
            project: its folder and fields.
            fields: those that are open know their numbers.
            locks: who edits which.
            guards: of each field, held while its numbers are read.
        """
        self._project = project
        self._fields = fields
        self._locks = locks
        self._guards = guards
        self._summaries = Summaries()
        self._judged: dict[str, Learn] = {}

    def all(self) -> Iterator[dict[str, Any]]:
        """The row of each field; not for two threads at once."""
        seen = self._project.look()
        self._judged = judge_project(self._project, seen)
        models = self._models()
        for key, now in seen.items():
            yield self._row(self._project.fields[key], now, self._judged.get(key), models)

    def of(self, key: str) -> dict[str, Any]:
        """The row of a field; what would be learned from it is as `all` said last."""
        field = self._project.fields[key]
        seen = field.seen()
        learn = None if seen.has_work else self._judged.get(key)
        return self._row(field, seen, learn, self._models())

    def _models(self) -> tuple[str, str]:
        """What made prelabels that do not say so, and what labels fields now."""
        return self._project.model, versions.current(self._project.folder)

    def _row(
        self, field: AnnotationField, now: Seen, learn: Learn | None, models: tuple[str, str]
    ) -> dict[str, Any]:
        held = self._locks.holder(field.key)
        row = _new_row(field, now, learn, held, models)
        if not now.begun:
            return row
        try:
            summary = self._summary(field)
        except NucsegError as error:
            return row | {"status": "error", "error": str(error)}
        return _begun_row(row, field, summary) if summary else row

    def _summary(self, field: AnnotationField) -> dict[str, Any] | None:
        """Numbers of a field, or None where nobody has worked on it."""
        with self._guards[field.key]:
            session = self._fields.known(field.key)
            if session is None:
                return self._summaries.get(field)
            return sum_up(session.store) if session.store.size else None


def _new_row(
    field: AnnotationField,
    now: Seen,
    learn: Learn | None,
    held: Lock | None,
    models: tuple[str, str],
) -> dict[str, Any]:
    """The row of a field that nobody has begun.

    Args:
        field: it.
        now: how it lies on disk.
        learn: how much would be learned from it, or None.
        held: who edits it, or None.
        models: see `Rows._models`.
    """
    model = now.known.model or (models[0] if now.known.path else "")
    return {
        "key": field.key,
        "status": "new",
        "count": now.known.nuclei,
        "suspects_left": len(now.known.suspects),
        "model": model,
        "stale": now.known.path is not None and model != models[1],
        "learn": learn.value if learn else None,
        "why": learn.why if learn else "",
        "regions": 0,
        "user": held.user if held else "",
        "page": held.page if held else "",
    }


def _begun_row(
    row: dict[str, Any], field: AnnotationField, summary: dict[str, Any]
) -> dict[str, Any]:
    """The row of a field that somebody has begun, of `_new_row` and `shown.sum_up`."""
    status = summary["status"]
    return row | {
        "status": "reopened" if status == "accepted" and not field.mask.is_file() else status,
        "count": summary["nuclei"],
        "suspects_left": summary["suspects_left"],
        "model": summary["begun"]["model"],
        "stale": False,
        "regions": summary.get("regions", 0),
    }


class Summaries:
    """Numbers of fields that nobody has open, read again where their journal is another one.

    For one thread at a time for each field.
    """

    def __init__(self) -> None:
        self._known: dict[Path, tuple[Stamp, dict[str, Any]]] = {}

    def get(self, field: AnnotationField) -> dict[str, Any] | None:
        """Of `shown.sum_up` what a row needs; None where nobody has worked on the field."""
        journal = field.state / JOURNAL
        seen = stamp(journal)
        if seen is None or not seen[1]:
            return None
        known = self._known.get(journal)
        if known is None or known[0] != seen:
            summary = read_history(field.state, seen[1]) or _from_journal(field)
            if summary is None:
                return None
            known = self._known[journal] = seen, _of_row(summary)
        return known[1]


def _of_row(summary: dict[str, Any]) -> dict[str, Any]:
    """What a row needs; all else of thousands of fields would take ten times the memory."""
    kept = {name: summary[name] for name in ("status", "nuclei", "suspects_left")}
    begun = {"model": summary["begun"]["model"]}
    return kept | {"regions": summary.get("regions", 0), "begun": begun}


def _from_journal(field: AnnotationField) -> dict[str, Any] | None:
    """Where history.json is not up to date."""
    base = field.state / BASE
    if not base.is_file():
        return None
    store = Store(field, read_labels(base).shape)
    found = sum_up(store) if store.size else None
    store.close()
    return found
