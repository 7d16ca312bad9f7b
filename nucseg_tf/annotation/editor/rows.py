"""The list of fields: a row for each, with its progress."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nucseg_tf.annotation.editor.history import read_history
from nucseg_tf.annotation.editor.locks import Lock
from nucseg_tf.annotation.editor.project import JOURNAL, AnnotationField, Seen
from nucseg_tf.annotation.editor.session import Session
from nucseg_tf.annotation.editor.store import BASE, Store
from nucseg_tf.annotation.loop.learn import Learn
from nucseg_tf.io.labels import read_labels


def new_row(
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
        models: what made prelabels that do not say so, and what labels fields now.
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


def begun_row(
    row: dict[str, Any], field: AnnotationField, summary: dict[str, Any]
) -> dict[str, Any]:
    """The row of a field that somebody has begun, of `new_row` and `Session.summary`."""
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
    """Numbers of fields that nobody has open, read again where their journal has grown.

    For one thread at a time for each field.
    """

    def __init__(self) -> None:
        self._known: dict[Path, tuple[int, dict[str, Any]]] = {}

    def get(self, field: AnnotationField) -> dict[str, Any] | None:
        """See `Session.summary`; None where nobody has worked on the field."""
        journal = field.state / JOURNAL
        size = journal.stat().st_size if journal.is_file() else 0
        known = self._known.get(journal)
        if known is None or known[0] != size:
            summary = (read_history(field.state, size) or _from_journal(field)) if size else None
            if summary is None:
                return None
            known = self._known[journal] = size, summary
        return known[1]


def _from_journal(field: AnnotationField) -> dict[str, Any] | None:
    """Where history.json is not up to date."""
    base = field.state / BASE
    if not base.is_file():
        return None
    session = Session(Store(field, read_labels(base).shape))
    summary = session.summary() if session.store.size else None
    session.close()
    return summary
