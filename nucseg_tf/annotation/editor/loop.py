"""What the page's server does about training: starts, stops, resumes it, and labels fields.

Trainings and predictions are processes of their own, so that the page stays quick; they outlive a
server that is killed. All that is known of them is on disk, and is read there at each question; so
several pages, and the servers before and after this one, see the same.

    DIR/loop/resume.json    {"name"}: the version whose training ended because the server did
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from nucseg_tf.annotation.editor.planes import read_choice
from nucseg_tf.annotation.editor.shared import Shared
from nucseg_tf.annotation.editor.workspace import Workspace
from nucseg_tf.annotation.loop import locks, process, versions
from nucseg_tf.annotation.loop.status import read_json, status
from nucseg_tf.errors import NucsegError

LOG = logging.getLogger(__name__)
PAUSE = 2.0  # s between looks at what is to be done
RESUME = "resume.json"


class Loop:
    """Training and prediction of a project; for several threads at once."""

    def __init__(self, workspace: Workspace, where: process.Where = "here"):
        """Begin with nothing under way.

        Args:
            workspace: the fields at work.
            where: trainings run.
        """
        self._workspace = workspace
        self._folder = workspace.project.folder
        self._where = where
        self._guard = threading.Lock()  # one thing at a time is started
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="loop", daemon=True)
        self._begun: set[str] = set()  # what this server has begun by itself
        self._trouble = ""
        self._more: set[str] = set()
        self._look = Shared(self._look_at_all)

    def label_more(self, again: bool = False) -> None:
        """Label fields that have come, at the next look.

        Args:
            again: all that nobody has corrected, as their images are shown by another plane.
        """
        self._more.add("again" if again else "new")

    # --- what the page asks for --------------------------------------------------------------

    async def state(self, seen: str = "") -> bytes:
        """JSON of how the loop stands, and of the fields whose rows in the list have changed.

        Args:
            seen: what `seen` was in the last answer, or in that with the whole list.
        """
        found = await self._look()
        return self._workspace.listing.since(seen).added_to(found)

    def _look_at_all(self) -> dict[str, Any]:
        found = status(self._folder, self._workspace.project.fields)
        self._workspace.listing.follow()  # after it: where labelling has ended, all are known
        return found

    def train(self) -> None:
        """Begin a new version, also where an earlier one was stopped."""
        with self._guard:
            process.start_training(self._folder, self._where, new=True)

    def resume(self) -> None:
        """Go on with the version that was stopped."""
        with self._guard:
            process.start_training(self._folder, self._where)

    def stop(self) -> None:
        """Stop the training; its state is kept."""
        with self._guard:
            process.stop_training(self._folder)

    def choose(self, name: str) -> None:
        """Take a model into use, and label with it the fields that nobody has corrected."""
        with self._guard:
            versions.choose(self._folder, name)
            process.start_predicting(self._folder)

    def predict(self, first: str = "") -> None:
        """Label the fields that nobody has corrected.

        Args:
            first: key of the field to begin with, or "".

        Raises:
            UnknownFieldError: there is no such field.
        """
        if first:
            self._workspace.project.field(first)
        with self._guard:
            process.start_predicting(self._folder, first or None)

    # --- what the server does by itself ------------------------------------------------------

    def begin(self) -> None:
        """Look after training and labels from now on, until `end`."""
        self._watcher.start()

    def end(self) -> None:
        """Stop what runs here, which the next server goes on with; clusters go on by themselves."""
        self._ended.set()
        self._watcher.join()
        last = versions.unfinished(self._folder)
        here = versions.is_alive(self._folder) and not locks.holder(self._folder, locks.SUBMITTED)
        if here and process.stop_training(self._folder) and last:
            versions.write_json(self._folder / locks.LOOP / RESUME, {"name": last.name})
            LOG.info("%s is saved, and goes on when the page is served again", last.name)
        process.stop_predicting(self._folder)

    def _watch(self) -> None:
        while not self._ended.is_set():
            try:
                with self._guard:
                    self.tend()
                self._trouble = ""
            except NucsegError as error:
                if str(error) != self._trouble:  # once, not at every look
                    LOG.warning("%s", error)
                self._trouble = str(error)
            self._ended.wait(PAUSE)

    def tend(self) -> None:
        """Resume a training that no user has stopped; label fields where labelling is not done.

        Both once only, so that what cannot be done is not tried for ever.
        """
        if self._was_interrupted():
            LOG.info("the training goes on where it was interrupted")
            process.start_training(self._folder, self._where)
        model = versions.current(self._folder)
        if self._more and not locks.holder(self._folder, locks.PREDICTING):
            more, self._more = self._more, set()
            process.start_predicting(self._folder, again="again" in more)
            return
        if f"labels {model}" not in self._begun and self._wants_labels(model):
            self._begun.add(f"labels {model}")
            fields = list(self._workspace.project.fields.values())
            first = next((field.key for field in fields if not field.has_work), None)
            process.start_predicting(self._folder, first)

    def _was_interrupted(self) -> bool:
        last = versions.unfinished(self._folder)
        if last is None or last.name in self._begun or versions.is_alive(self._folder):
            return False
        if locks.holder(self._folder, locks.SUBMITTED):
            return False
        path = self._folder / locks.LOOP / RESUME
        ours = (read_json(path) or {}).get("name") == last.name
        if last.state != "training" and not ours:
            return False
        self._begun.add(last.name)
        path.unlink(missing_ok=True)
        return True

    def _wants_labels(self, model: str) -> bool:
        """Whether labelling was begun and not ended, or fields have no labels at all."""
        if locks.holder(self._folder, locks.PREDICTING):
            return False
        told = read_json(self._folder / locks.LOOP / versions.PREDICTING)
        if told is not None:
            planes = read_choice(self._folder).said()  # the command line may have changed them
            other = (told.get("model"), told.get("planes", planes)) != (model, planes)
            return other or told.get("state") in ("running", "stopped")
        fields = list(self._workspace.project.fields.values())
        if not fields:
            return False
        return model != versions.SHIPPED or not any(f.prelabels or f.has_work for f in fields)
