"""The fields of a project that have accepted labels, in the order in which they were accepted.

A field counts as accepted if it has a mask. That of a field which was reopened is the one accepted
last; that of a field which is set aside has been put away. Masks that no journal tells of, from
elsewhere, come after those of the page, by name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from nucseg_tf.annotation.editor.field import JOURNAL, AnnotationField, Names
from nucseg_tf.annotation.editor.history import Acceptance, read_history
from nucseg_tf.data.regions import regions_path
from nucseg_tf.io.documents import from_json

MANY = 100_000  # fields; what holds fewer than are gone through in turn never finds one again


@dataclass(frozen=True)
class Accepted:
    """A field with accepted labels.

    Attributes:
        field: its files.
        mask: the accepted labels.
        first: when it was accepted first, UTC, ISO 8601; "" where no journal says.
        recorded: SHA-256 of the mask accepted last, "" where no journal says.
        nuclei: in it, or None where no journal says.
    """

    field: AnnotationField
    mask: Path
    first: str
    recorded: str
    nuclei: int | None


def accepted_fields(fields: Iterable[AnnotationField]) -> list[Accepted]:
    """Those that have a mask, in the order of their first acceptance.

    Reads small files only: each poll of the page asks for this.
    """
    found = []
    listed: dict[Path, Names] = {}  # to ask for each file would take far longer
    for field in fields:
        place = field.mask.parent
        if place not in listed:
            listed[place] = Names(place)
        masks = [mask for mask in field.masks_among(listed[place]) if mask.is_file()]
        if not masks:
            continue
        entries = acceptances(field.state)
        first = str(entries[0]["time"]) if entries else ""
        recorded = str(entries[-1]["sha256"]) if entries else ""
        nuclei = int(entries[-1]["nuclei"]) if entries else None
        found.append(Accepted(field, masks[0], first, recorded, nuclei))
    return sorted(found, key=lambda one: (not one.first, one.first, one.field.key))


def acceptances(state: Path) -> list[Mapping[str, Any]]:
    """Each time that a field was accepted, from its history or, where that is old, its journal.

    Args:
        state: folder of the work on it; need not exist.
    """
    journal = state / JOURNAL
    try:
        found = journal.stat()
    except OSError:
        return []
    return list(_acceptances(journal, found.st_size, found.st_mtime_ns))


@lru_cache(maxsize=MANY)
def _acceptances(journal: Path, size: int, changed: int) -> tuple[Mapping[str, Any], ...]:
    """What `acceptances` gives; `size` and `changed` say whether the journal is another now."""
    history = read_history(journal.parent, size)
    if history is not None:
        return tuple(history["accepted"])
    found = []
    for line in journal.read_bytes()[:size].splitlines():
        if b'"accept"' not in line:
            continue
        try:
            entry = from_json(line, finite=True)
            if entry["type"] == "accept":
                found.append(Acceptance.model_validate(entry).model_dump())
        except (ValueError, TypeError, KeyError):
            continue  # a torn line: nobody was told that it had been saved
    return tuple(found)


def digest_of(mask: Path) -> str:
    """SHA-256 of a mask, and of its regions where it has some; read anew only where they changed.

    Without regions it is that of the mask alone, which the journal records.
    """
    return joined(*(_digest(path, *_stamp(path)) for path in (mask, regions_path(mask))))


def joined(mask: str, regions: str) -> str:
    """One hash of those of a mask and of its regions, "" without."""
    return hashlib.sha256((mask + regions).encode()).hexdigest() if regions else mask


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return 0, -1
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=MANY)
def _digest(path: Path, changed: int, size: int) -> str:
    return "" if size < 0 else hashlib.sha256(path.read_bytes()).hexdigest()
