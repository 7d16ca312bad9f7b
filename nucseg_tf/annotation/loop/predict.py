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

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nucseg_tf.annotation.editor.field import AnnotationField
from nucseg_tf.annotation.editor.planes import PlaneChoice, read_choice
from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.annotation.loop import locks, versions
from nucseg_tf.annotation.loop.label import Labeller, has_done
from nucseg_tf.errors import UsageError
from nucseg_tf.inference.runner import run
from nucseg_tf.io.files import remove_temporaries

if TYPE_CHECKING:
    from nucseg_tf.inference.segmenter import Segmenter

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
        remove_temporaries(folder / "prelabels", deep=True)  # of one that was killed
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
        self.choice = PlaneChoice()
        self.labeller: Labeller | None = None

    def __call__(self) -> Labelled:
        try:
            while (todo := self._todo()) and not self.outcome.stopped:
                self._do(todo)
        except BaseException as error:
            self._tell("stopped" if isinstance(error, KeyboardInterrupt) else "failed", "", error)
            raise
        self._tell("stopped" if self.outcome.stopped else "done")
        return self.outcome

    def _todo(self) -> list[AnnotationField]:
        """The fields that are still to be labelled by the current model, in order."""
        name, choice = versions.current(self.folder), read_choice(self.folder)
        if (name, choice) != (self.outcome.model, self.choice):
            self.outcome, self.choice, self.labeller = Labelled(name), choice, None
        tried = {*self.outcome.done, *self.outcome.failures}
        wanted = [
            field
            for field in open_project(self.folder).fields.values()
            if (self.keys is None or field.key in self.keys) and field.key not in tried
            if self.again or not has_done(field, name, choice)
        ]
        self.total = len(tried) + len(wanted)
        return sorted(wanted, key=lambda field: (field.key != self.first, field.has_work))

    def _do(self, todo: list[AnnotationField]) -> None:
        """Label fields until there is no more, another model is chosen, or it is to stop."""
        outcome = self.outcome
        if self.labeller is None:
            self._tell("running")
            self.labeller = Labeller(load(self.folder, outcome.model), outcome.model, self.choice)
        for way in run(self._coming(todo), [self.labeller]):
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
            "planes": self.choice.said(),
            "done": len(outcome.done),
            "total": self.total,
            "field": key,
            "failures": outcome.failures,
            "error": str(error) if error else "",
        }
        versions.write_json(self.folder / locks.LOOP / versions.PREDICTING, content)


def load(folder: Path, name: str) -> Segmenter:
    """A model of a project, by its name."""
    from nucseg_tf.inference.segmenter import load_model

    return load_model(versions.model_folder(folder, name))
