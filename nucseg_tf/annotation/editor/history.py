"""What happened to a field, read from its journal: who, when, from which model, how long.

The sums are written to history.json, for people and other programs, and so that the list of fields
need not read every journal.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter

from nucseg_tf.annotation.editor.field import JOURNAL
from nucseg_tf.annotation.editor.journal import Entry
from nucseg_tf.annotation.editor.prelabels import Suspect
from nucseg_tf.io.documents import from_json
from nucseg_tf.io.files import atomic_path

HISTORY = "history.json"
CHANGES = ("edit", "region", "undo", "redo")  # entries that can be undone, and those that do
SUSPECTS = TypeAdapter(tuple[Suspect, ...])
_TELLING = (*CHANGES, "accept")
_UNSAID = ("type", "suspects", "revision")  # of the first entry


class Acceptance(BaseModel):
    """What is noted of each time that a field was accepted."""

    time: str
    user: str
    nuclei: int
    sha256: str


class _Begun(BaseModel):
    model: str


class _Summary(BaseModel):
    """What must be in history.json."""

    status: str
    nuclei: int
    suspects_left: int
    regions: int = 0
    begun: _Begun
    accepted: list[Acceptance]
    journal_bytes: int


def now() -> str:
    """This second, UTC, as entries have it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass
class History:
    """Sums over the entries of a journal.

    Attributes:
        begun: the first entry: time, user, from, model, sha256.
        accepted: of each time that the field was accepted.
        status: new, begun, accepted, reopened or aside.
        before: the status that a field set aside had.
        aside: time and user of the last time that it was set aside.
        kept: names of the masks that were put away when it was set aside, and of their copies.
        seconds: of work, by user.
        edits: by user.
        tools: how often each was used.
        last: time of the last edit, or "".
        looked_at: labels that an annotator edited or passed as right.
    """

    begun: Entry = field(default_factory=dict)
    accepted: list[Entry] = field(default_factory=list)
    status: str = "new"
    before: str = "new"
    kept: list[list[str]] = field(default_factory=list)
    aside: Entry = field(default_factory=dict)
    seconds: Counter[str] = field(default_factory=Counter)
    edits: Counter[str] = field(default_factory=Counter)
    tools: Counter[str] = field(default_factory=Counter)
    last: str = ""
    looked_at: set[int] = field(default_factory=set)

    def add(self, entry: Entry) -> None:
        """Take one more entry into account."""
        kind, user = entry["type"], str(entry.get("user", ""))
        self.seconds[user] += entry.get("seconds", 0)
        self.looked_at.update(entry.get("touched", ()))
        if kind == "begin":
            for key in ("time", "from", "model", "sha256"):
                entry[key]  # a KeyError here, not later
            SUSPECTS.validate_python(entry["suspects"])
            self.begun, self.status = entry, "begun"
        elif kind in CHANGES:
            self.edits[user] += 1
            self.tools[str(entry.get("tool", kind))] += 1
            self.last = entry["time"]
        elif kind == "accept":
            self.status = "accepted"
            self.accepted.append(Acceptance.model_validate(entry).model_dump())
        elif kind == "reopen":
            self.status = "reopened"
        elif kind == "aside":
            self._set_aside(entry)

    def _set_aside(self, entry: Entry) -> None:
        if not entry["on"]:
            self.status = self.before
            return
        # Its mask was put away, so a field that was accepted must be accepted again.
        self.before = "reopened" if self.status == "accepted" else self.status
        self.status, self.kept = "aside", entry["kept"]
        self.aside = {key: entry[key] for key in ("time", "user")}

    def summary(self) -> dict[str, Any]:
        """For history.json and the page."""
        users = sorted({*self.edits, *(user for user, s in self.seconds.items() if s)} - {""})
        return {
            "status": self.status,
            "begun": {k: v for k, v in self.begun.items() if k not in _UNSAID},
            "users": [
                {"name": user, "seconds": round(self.seconds[user], 1), "edits": self.edits[user]}
                for user in users
            ],
            "tools": dict(self.tools.most_common()),
            "last_edit": self.last,
            "accepted": self.accepted,
            "aside": self.aside if self.status == "aside" else None,
        }


def write_history(state: Path, summary: dict[str, Any], journal_bytes: int) -> None:
    """Write history.json into the folder of a field, whole or not at all.

    Args:
        state: the folder.
        summary: of `History`, and numbers.
        journal_bytes: of the journal that it sums up.
    """
    with atomic_path(state / HISTORY) as temporary:
        text = json.dumps(summary | {"journal_bytes": journal_bytes}, indent=2)
        temporary.write_text(text + "\n", encoding="utf-8")


def read_history(state: Path, journal_bytes: int) -> dict[str, Any] | None:
    """history.json, or None where it is not of the journal as it is now."""
    try:
        summary = from_json((state / HISTORY).read_text(encoding="utf-8"), finite=True)
        known = _Summary.model_validate(summary)
    except (OSError, ValueError):
        return None
    return summary if known.journal_bytes == journal_bytes else None


def has_open_edits(state: Path) -> bool:
    """Whether a field was edited since it was last accepted, and is not set aside.

    Args:
        state: folder of the work on it; need not exist.
    """
    if not (state / JOURNAL).is_file():
        return False
    try:
        lines = (state / JOURNAL).read_bytes().splitlines()
        entries = [from_json(line) for line in lines if line.endswith(b"}")]
        kinds = [entry.get("type") for entry in entries]
    except (OSError, ValueError, AttributeError):
        return True  # damaged: better to say too much
    last = next((kind for kind in reversed(kinds) if kind in _TELLING), "accept")
    aside = next((entry["on"] for entry in reversed(entries) if entry.get("type") == "aside"), 0)
    return last != "accept" and not aside
