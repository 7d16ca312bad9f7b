"""Label the fields of a project with its model, one after another.

    prelabels/[GROUP/]STEM_labels.tif, .json   of fields that nobody has begun or corrected
    prelabels/[GROUP/]STEM_before.tif          their labels by the model before
    prelabels/[GROUP/]STEM_model.tif, .json    of all other fields, whose own labels are not touched
    loop/predicting.json                       how far it is

Each file is written whole, labels before the sidecar that has their hash; so a process that is
killed leaves fields that are done, and one at most whose labels do not fit their sidecar, which the
next run does again. What the model has labelled already is left as it is.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from nucseg_tf.annotation.editor.prelabels import Suspect
from nucseg_tf.annotation.editor.project import AnnotationField, open_project
from nucseg_tf.annotation.editor.shelf import (
    BEFORE,
    MODEL,
    beside,
    read_sidecar,
    sha256,
    sidecar_of,
)
from nucseg_tf.annotation.loop import learn, locks, versions
from nucseg_tf.annotation.loop.recipe import read_planes
from nucseg_tf.annotation.prelabel import suspects
from nucseg_tf.annotation.prelabel.image import Settings, look
from nucseg_tf.errors import UsageError
from nucseg_tf.inference.options import Options
from nucseg_tf.inference.runner import run
from nucseg_tf.inference.stages.read import Read
from nucseg_tf.io.files import atomic_path
from nucseg_tf.io.labels import write_labels
from nucseg_tf.types import Image

if TYPE_CHECKING:
    from nucseg_tf.inference.segmenter import Segmenter

STATE = "predicting.json"
VIEWS = 1  # of a field to be corrected, besides the first; takes as long as that
Progress = Callable[[int, int, str], bool]


@dataclass
class Labelled:
    """What became of the fields of a run.

    Attributes:
        model: the last one that they were labelled with.
        done: keys of those labelled, in order.
        failures: why others could not be, by key.
        stopped: whether some were left, as asked.
    """

    model: str = ""
    done: list[str] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    stopped: bool = False


def predict_fields(
    folder: Path,
    first: str | None = None,
    keys: Collection[str] | None = None,
    progress: Progress = lambda done, total, key: True,
    again: bool = False,
) -> Labelled:
    """Label the fields of a project with its current model; see the module docstring.

    Where another model is chosen meanwhile, all goes on with that one; fields that are added
    meanwhile are labelled, too.

    Args:
        folder: of the project.
        first: key of the field to begin with; others follow in the order of the list, those that
            have labels of their own last.
        keys: of the fields to label; all without.
        progress: called after each field with the number done, the count and its key; says whether
            to go on.
        again: label also what the model has labelled already.

    Raises:
        UsageError: no such fields, or another process labels fields of this folder.
        ModelError: the model cannot be used.
        OutputError: how far it is cannot be written down.
    """
    known = open_project(folder).fields
    if missing := [key for key in (keys or ()) if key not in known]:
        raise UsageError(f"{folder}: no such field. Received: {missing[0]!r}")
    with locks.hold(folder, locks.PREDICTING):
        return _Run(folder, first, keys, progress, again)()


class _Run:
    """One run; arguments as of `predict_fields`."""

    def __init__(
        self,
        folder: Path,
        first: str | None,
        keys: Collection[str] | None,
        progress: Progress,
        again: bool,
    ):
        self.folder, self.first, self.keys = folder, first, keys
        self.progress, self.again = progress, again
        self.outcome, self.total = Labelled(), 0
        self.labeller: Labeller | None = None

    def __call__(self) -> Labelled:
        try:
            while todo := self._todo():
                self._do(todo)
                if self.outcome.stopped:
                    break
        except BaseException as error:
            self._tell("stopped" if isinstance(error, KeyboardInterrupt) else "failed", "", error)
            raise
        self._tell("stopped" if self.outcome.stopped else "done")
        return self.outcome

    def _todo(self) -> list[AnnotationField]:
        """The fields that are to be labelled by the current model, in order."""
        name, planes = versions.current(self.folder), read_planes(self.folder)
        if self.labeller is None or (name, planes) != (self.labeller.model, self.labeller.planes):
            self.outcome = Labelled(name)
            self._tell("running")
            self.labeller = Labeller(load(self.folder, name), name, planes)
        labeller, outcome = self.labeller, self.outcome
        tried = {*outcome.done, *outcome.failures}
        wanted = [
            field
            for field in open_project(self.folder).fields.values()
            if (self.keys is None or field.key in self.keys) and field.key not in tried
            if self.again or not labeller.has_done(field)
        ]
        self.total = len(tried) + len(wanted)
        return sorted(wanted, key=lambda field: (field.key != self.first, field.has_work))

    def _do(self, todo: list[AnnotationField]) -> None:
        """Label fields until there is no more, another model is chosen, or it is to stop."""
        outcome = self.outcome
        for way in run(self._coming(todo), [self.labeller]):  # type: ignore[list-item]
            if way.error:
                outcome.failures[way.item.key] = way.reason
            else:
                outcome.done.append(way.item.key)
            count = len(outcome.done) + len(outcome.failures)
            if not self.progress(count, self.total, way.item.key):
                outcome.stopped = count < self.total
                return

    def _coming(self, todo: list[AnnotationField]) -> Iterator[AnnotationField]:
        for coming in todo:
            if versions.current(self.folder) != self.outcome.model:
                return
            self._tell("running", coming.key)
            yield coming

    def _tell(self, state: str, key: str = "", error: BaseException | None = None) -> None:
        """Write down how far it is."""
        outcome = self.outcome
        content = {
            "state": state,
            "model": outcome.model,
            "done": len(outcome.done),
            "total": self.total,
            "field": key,
            "failures": outcome.failures,
            "error": str(error) if error else "",
        }
        versions.write_json(self.folder / locks.LOOP / STATE, content)


def load(folder: Path, name: str) -> Segmenter:
    """A model of a project, by its name."""
    from nucseg_tf.inference.segmenter import load_model

    return load_model(versions.model_folder(folder, name))


@dataclass(frozen=True)
class Labeller:
    """Labels fields, as the only stage of `run`.

    Attributes:
        segmenter: the model.
        model: its name in the project.
        planes: see `read_planes`.
    """

    segmenter: Segmenter
    model: str
    planes: dict[str, str | int]

    def has_done(self, field: AnnotationField) -> bool:
        """Whether what is on disk is by this model."""
        path = beside(field.target, MODEL) if field.has_work else field.target
        known = field.shelf.look(field.key, path).record or {}
        return (known.get("model"), known.get("planes")) == (self.model, self.planes)

    def __call__(self, field: AnnotationField) -> None:
        """Label a field.

        Raises:
            ImageReadError: its image cannot be read.
            OutputError: labels cannot be written.
        """
        image = Read(Options(**self.planes))(field.image)  # type: ignore[arg-type]
        labels, record = self._look(image, 0 if field.has_work else VIEWS)
        record |= {"model": self.model, "planes": self.planes}
        # Asked for now: meanwhile somebody may have begun the field. Work that begins while it is
        # being written keeps the labels that it began from.
        if field.has_work:
            path = beside(field.target, MODEL)
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_pair(path, labels, record, image.pixel_size)
        else:
            replace_prelabels(field.target, labels, record, image.pixel_size)

    def _look(self, image: Image, views: int) -> tuple[np.ndarray, dict[str, Any]]:
        """Labels of an image, and what is to be known of them."""
        settings = Settings(pixel_size=image.pixel_size, agreement=views)
        labels, table, agreement = look(image.pixels, self.segmenter, settings)
        if self.segmenter.info.confidence is not None:
            table["confidence"] = table["score"]
        described = learn.describe(image.pixels, table, table["confidence"], agreement)
        judged = learn.judge({"": described}, [])[""]
        return labels, {
            **described,
            "learn": judged.value,
            "why": judged.why,
            "suspects": [asdict(suspect) for suspect in list_suspects(table)],
        }


def list_suspects(table: pd.DataFrame) -> list[Suspect]:
    """The suspects among the nuclei of a field, by rank.

    Args:
        table: see `suspects.mark`, but for `image`.
    """
    marked = suspects.mark(table.assign(image=""))
    chosen = marked[marked["suspect"] > 0].to_dict("records")
    return [
        Suspect(
            label=int(row["label"]),
            rank=int(row["rank"]),
            confidence=round(row["confidence"], 4) if math.isfinite(row["confidence"]) else None,
            reasons=row["reasons"],
        )
        for row in chosen
    ]


def replace_prelabels(
    path: Path, labels: np.ndarray, record: dict[str, Any], pixel_size: float | None
) -> None:
    """Write labels and their sidecar in place of earlier ones, which become STEM_before.tif.

    Args:
        path: STEM_labels.tif.
        labels: (H, W) int32.
        record: for the sidecar.
        pixel_size: µm, or None.

    Raises:
        OutputError: a file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    earlier = read_sidecar(sidecar_of(path))
    before = ""
    if path.is_file():
        fits = earlier is not None and earlier["sha256"] == sha256(path)
        if earlier is None or (fits and earlier["model"] != record["model"]):
            with atomic_path(beside(path, BEFORE)) as temporary:
                shutil.copyfile(path, temporary)
        if earlier is not None:
            # One that does not fit was left by a run that was killed behind the labels: what was
            # before them has been kept already.
            again = fits and earlier["model"] == record["model"]
            before = earlier.get("before", "") if again else earlier["model"]
    record |= {"before": before}
    if earlier is None:  # until there is one, objects.csv would be taken for that of new labels
        _write_sidecar(path, {**record, "model": "", "sha256": "", "suspects": []})
    _write_pair(path, labels, record, pixel_size)


def _write_pair(
    path: Path, labels: np.ndarray, record: dict[str, Any], pixel_size: float | None
) -> None:
    """Write labels, and then their sidecar."""
    with atomic_path(path) as temporary:
        write_labels(temporary, labels, pixel_size)
        digest = sha256(temporary)
    _write_sidecar(path, {**record, "sha256": digest})


def _write_sidecar(labels: Path, record: dict[str, Any]) -> None:
    with atomic_path(sidecar_of(labels)) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
