"""The prelabels of a project as they are on disk now: read when they change, not at each question.

    prelabels/[GROUP/]STEM_labels.tif    labels
    prelabels/[GROUP/]STEM_labels.json   what is known of them, where a model of the loop made them
    prelabels/objects.csv                what is known of all others, by `nucseg prelabel`
    prelabels/[GROUP/]STEM_before.tif    labels of the model before
    prelabels/[GROUP/]STEM_model.tif     what the model says of a field that has labels of its own,
                                         with STEM_model.json

STEM_labels.json holds the hash of the labels that it is of. It is written after them; so where the
two do not fit, they are just being replaced, and nothing is known until they do.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

from nucseg_tf.annotation.editor.prelabels import Objects, Suspect, model_name, read_objects
from nucseg_tf.io.documents import from_json

LOG = logging.getLogger(__name__)
LABELS, BEFORE, MODEL = "_labels.tif", "_before.tif", "_model.tif"
MANY = 100_000  # paths whose neighbours are kept: to make them takes longer than to look
_SUSPECTS = TypeAdapter(tuple[Suspect, ...])
Stamp = tuple[int, int, int] | None
Value = TypeVar("Value")


@dataclass(frozen=True)
class Prelabels:
    """What is known of the prelabels of a field.

    Attributes:
        path: their file, or None where there are none.
        sha256: of the file, where the sidecar says so; else "".
        model: that made them, where the sidecar says so; else "".
        nuclei: how many there are, or None.
        suspects: those among them to look at, by rank.
        record: the sidecar as it is read; empty without one, or where it is of other labels.
    """

    path: Path | None = None
    sha256: str = ""
    model: str = ""
    nuclei: int | None = None
    suspects: tuple[Suspect, ...] = ()
    record: dict[str, Any] | None = None


class Shelf:
    """See the module docstring; for several threads at once.

    Attributes:
        folder: of the project.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._objects = folder / "prelabels" / "objects.csv"
        self._run = folder / "prelabels" / "run.json"
        self._guard = threading.Lock()
        self._read: dict[Any, tuple[Any, Any]] = {}

    def objects(self) -> Objects:
        """What objects.csv says of each field; see `read_objects`."""
        path = self._objects
        return self._fresh(path, stamp(path), lambda: read_objects(path))

    def model(self) -> str:
        """What made the prelabels that do not say so themselves, or ""."""
        return self._fresh(self._run, stamp(self._run), lambda: model_name(self._run))

    def look(self, key: str, *labels: Path, objects: Objects | None = None) -> Prelabels:
        """What is known of a field.

        Args:
            key: of the field.
            labels: where its prelabels may be; the first that is there counts.
            objects: what `objects` says, for who looks at thousands of fields; asked without.

        Raises:
            DataError: objects.csv cannot be read.
        """
        found = None
        for path in labels:
            seen, known = stamp(path), stamp(sidecar_of(path))
            if seen and known:
                return self._fresh(path, (seen, known), partial(_read_pair, path))
            if seen:
                found = path
                break
        objects = self.objects() if objects is None else objects
        nuclei, suspects = objects.get(key, (None, ()))
        return Prelabels(found, nuclei=nuclei, suspects=suspects)

    def record(self, labels: Path) -> dict[str, Any] | None:
        """What was known of labels when they were made, whatever became of them, or None."""
        path = sidecar_of(labels)
        return self._fresh(path, stamp(path), lambda: read_sidecar(path))

    def _fresh(self, key: Any, seen: Any, read: Callable[[], Value]) -> Value:
        """What `read` gave when the files had these stamps; read anew where they have others."""
        known = self._read.get(key)
        if known is None or known[0] != seen:
            with self._guard:
                known = self._read.get(key)
                if known is None or known[0] != seen:
                    known = self._read[key] = (seen, read())
        return known[1]


@lru_cache(MANY)
def sidecar_of(labels: Path) -> Path:
    """Where what is known of labels stands: STEM_labels.json of STEM_labels.tif."""
    return labels.with_suffix(".json")


@lru_cache(MANY)
def beside(labels: Path, ending: str) -> Path:
    """Another file of the same field: STEM_before.tif or STEM_model.tif of STEM_labels.tif."""
    return labels.with_name(labels.name.removesuffix(LABELS) + ending)


def stamp(path: Path) -> Stamp:
    """What differs when a file was replaced or written: time, size, number; None without a file."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def sha256(path: Path) -> str:
    """Hash of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_sidecar(path: Path) -> dict[str, Any] | None:
    """A sidecar, or None where there is none; a damaged one is one of no labels."""
    try:
        record = from_json(path.read_bytes(), finite=True)
        for name, kind in (("model", str), ("sha256", str), ("nuclei", int)):
            if not isinstance(record[name], kind):
                raise TypeError(f"{name}: {record[name]!r}")
        _SUSPECTS.validate_python(record["suspects"])
        return record
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        LOG.warning("%s: cannot be read; the loop makes it anew. Received: %r", path, error)
        return {"model": "", "sha256": "", "nuclei": 0, "suspects": []}


def _read_pair(labels: Path) -> Prelabels:
    record = read_sidecar(sidecar_of(labels))
    if record is None or record["sha256"] != sha256(labels):
        return Prelabels(labels)
    suspects = _SUSPECTS.validate_python(record["suspects"])
    return Prelabels(labels, record["sha256"], record["model"], record["nuclei"], suspects, record)
