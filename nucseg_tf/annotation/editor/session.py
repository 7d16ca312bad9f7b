"""Work on one field: edits, undo and redo, review of suspects, acceptance.

An accepted field cannot be edited until it is reopened. Reopening leaves its mask as it is:
training goes on with the labels accepted last, until the field is accepted again.
"""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path
from typing import Any

from nucseg_tf.annotation.editor.history import write_history
from nucseg_tf.annotation.editor.masks import bring_back, put_away, write_mask
from nucseg_tf.annotation.editor.message import EditError, Message
from nucseg_tf.annotation.editor.regions import count_finished, region_entry
from nucseg_tf.annotation.editor.shelf import sha256
from nucseg_tf.annotation.editor.shown import answer, numbers_of, sum_up
from nucseg_tf.annotation.editor.store import Store
from nucseg_tf.annotation.editor.tools import make_patch
from nucseg_tf.annotation.magic.look import Look
from nucseg_tf.errors import OutputError
from nucseg_tf.io.runs import to_runs

LOG = logging.getLogger(__name__)


class ConflictError(EditError):
    """The labels are not those that the page shows."""


class Session:
    """A field that is open. Not for several threads at once.

    Attributes:
        store: its labels and journal.
    """

    def __init__(self, store: Store):
        self.store = store

    def edit(
        self, message: Message, user: str, seconds: float = 0, look: Look | None = None
    ) -> dict[str, Any]:
        """Make an edit; it is on disk when this returns.

        Args:
            message: what to do.
            user: who does it.
            seconds: worked since the last entry.
            look: what is seen under the click of "magic".

        Returns:
            What the page needs: patch, nuclei touched, labels to select, and `state`.

        Raises:
            EditError: it cannot be made.
            ConflictError: the labels are others than those that the annotator saw.
            OutputError: it cannot be written; nothing has changed.
        """
        store = self.store
        if message.id in store.made:  # the answer was lost, not the edit
            if store.made[message.id] != store.revision or not store.is_last(message.tool):
                raise ConflictError(f"saved before; the labels are loaded anew. {_seen(message)}")
            return answer(store, message.tool)
        self._check_open()
        if message.revision != store.revision:
            raise ConflictError(f"the labels changed; they are loaded anew. {_seen(message)}")
        if message.tool in ("undo", "redo"):
            if not (store.undo if message.tool == "undo" else store.redo):
                raise EditError(f"there is nothing to {message.tool}")
            store.write({"type": message.tool, "id": message.id}, user, seconds)
            return answer(store, message.tool)
        if message.tool == "region":
            store.write(region_entry(store, message), user, seconds)
            return answer(store, message.tool)
        patch, chosen = make_patch(store.labels, message, look)
        entry = {
            "type": "edit",
            "id": message.id,
            "tool": message.tool,
            "box": list(patch.box),
            "before": to_runs(patch.before).tolist(),
            "after": to_runs(patch.after).tolist(),
            "touched": patch.touched(),
            "chosen": chosen,
        }
        store.write(entry, user, seconds)
        return answer(store, message.tool, entry)

    def review(self, label: int, user: str, seconds: float = 0) -> dict[str, Any]:
        """Note that a suspect was looked at and is right."""
        self._check_open()
        if label not in self.store.labels.nuclei:
            raise EditError(f"this nucleus is gone. Received: {label}")
        self.store.write({"type": "review", "touched": [label]}, user, seconds)
        return numbers_of(self.store)

    def check_seen(self, revision: int) -> None:
        """Make sure that the page shows the labels as they are.

        Raises:
            ConflictError: it shows others.
        """
        if revision != self.store.revision:
            raise ConflictError(
                "the labels changed; they are loaded anew: look again. Received: revision "
                f"{revision}"
            )

    def accept(self, user: str, pixel_size: float | None, seconds: float = 0) -> dict[str, Any]:
        """Write the labels where training finds them.

        Args:
            user: who accepts.
            pixel_size: of the image in µm, or None.
            seconds: worked since the last entry.

        Raises:
            EditError: the field is accepted already.
            OutputError: the mask cannot be written; the field is not accepted.
        """
        self._check_open()
        field, accepted = self.store.field, self.store.history.accepted
        # Others may have replaced the mask since, for instance one brought back from CVAT.
        ours = bool(accepted and field.mask.is_file()) and (
            sha256(field.mask) == accepted[-1]["sha256"]
        )
        regions = self.store.regions
        self.store.begin_journal(user)  # else base.tif would be a copy of what is written now
        kept = write_mask(field, self.store.labels.pixels, pixel_size, ours, regions)
        digest = sha256(field.mask)
        entry = {
            "type": "accept",
            "regions": regions,
            "nuclei": count_finished(self.store),
            "sha256": digest,
            "kept": [path.name for path in kept],
        }
        self.store.write(entry, user, seconds)
        self._save((field.mask, digest))
        return numbers_of(self.store) | {
            "mask": str(field.mask),
            "kept": [str(path) for path in kept],
        }

    def reopen(self, user: str) -> dict[str, Any]:
        """Allow edits of an accepted field."""
        if self.store.history.status == "accepted":
            self.store.write({"type": "reopen"}, user)
            self._save()
        return numbers_of(self.store)

    def set_aside(self, on: bool, user: str, seconds: float = 0) -> dict[str, Any]:
        """Take a field that cannot be judged out of the work, or take it back.

        Its masks are put away, so that training does not have them, and brought back.

        Args:
            on: whether it is set aside.
            user: who does it.
            seconds: worked since the last entry.

        Raises:
            OutputError: it cannot be written.
        """
        store = self.store
        if on is (store.history.status == "aside"):
            return numbers_of(store)
        if not on:
            store.write({"type": "aside", "on": False}, user, seconds)
            bring_back(store.field, store.history.kept)
        else:
            store.begin_journal(user)  # before its mask, which it may begin from, is put away
            kept = put_away(store.field)
            try:
                store.write({"type": "aside", "on": True, "kept": kept}, user, seconds)
            except OutputError:
                bring_back(store.field, kept)
                raise
        self._save()
        return numbers_of(self.store)

    def leave(self, user: str, seconds: float = 0) -> None:
        """Note the time spent, and bring labels.tif and history.json up to date."""
        if not self.store.size:
            return
        if seconds >= 1:
            with contextlib.suppress(OutputError):  # seconds are not worth keeping a field open
                self.store.write({"type": "visit"}, user, seconds)
        self._save()

    def close(self) -> None:
        """Close the files; `leave` comes first."""
        self.store.close()

    def _save(self, written: tuple[Path, str] | None = None) -> None:
        """Bring labels.tif and history.json up to date; the journal holds all without them."""
        store = self.store
        try:
            store.snapshot(written)
            write_history(store.field.state, sum_up(store), store.size)
        except OutputError as error:
            LOG.warning("%s. The edits are safe in the journal beside it", error)

    def _check_open(self) -> None:
        if self.store.history.status == "accepted":
            raise EditError("this field is accepted; reopen it to change it")
        if self.store.history.status == "aside":
            raise EditError("this field is set aside; take it back to change it")


def _seen(message: Message) -> str:
    return f"Received: an edit of revision {message.revision}"
