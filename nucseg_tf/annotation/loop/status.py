"""How the loop of a project stands, for the page and for `nucseg loop status`.

Reads small files only, so that a page can ask every second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from nucseg_tf.annotation.editor.field import AnnotationField
from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.annotation.loop import locks, parts, versions
from nucseg_tf.annotation.loop.accepted import Accepted, accepted_fields, digest_of
from nucseg_tf.annotation.loop.locks import LOOP
from nucseg_tf.annotation.loop.recipe import BASE
from nucseg_tf.annotation.loop.versions import SHIPPED, UNFINISHED, Version
from nucseg_tf.io.documents import from_json


def status(folder: Path, fields: Mapping[str, AnnotationField] | None = None) -> dict[str, Any]:
    """How the loop of a project stands.

    Args:
        folder: of the project.
        fields: of the project, by key, where they are at hand; searched for otherwise.

    Returns:
        Ready for JSON:
        `model`: what fields are labelled with; `shipped`: the name of the shipped model.
        `corrected`: `fields`, `train`, `left_out`, `nuclei` (None where a journal does not say),
        and `since`, how many of the fields are not in the last version as they are now.
        `train`: `why`, what a new version is waiting for, "" if it can begin; `what`, what it
        would be trained on.
        `training`: None, or the newest version if it is not done: `name`, `state`, `resumable`,
        `error` and what is in `progress`. States: queued (by a cluster), training, interrupted
        (nobody is at it), stopped, failed.
        `versions`: the newest first, each as in version.json, with numbers `train` and `left_out`
        of fields and `nuclei` to train on in place of its fields.
        `curve`: of the newest version that is done, or None.
        `predicting`: as in predicting.json, and `running`; or None.
    """
    fields = open_project(folder).fields if fields is None else fields
    accepted = accepted_fields(fields.values())
    known = versions.read_versions(folder)
    done = [version for version in known if version.state == "done"]
    corrected = _corrected(accepted, known)
    return {
        "model": versions.current(folder),
        "shipped": SHIPPED,
        "corrected": corrected,
        "train": {"why": _why(folder, accepted, known), "what": _what(corrected)},
        "training": _training(folder, known),
        "versions": [_row(version) for version in reversed(known)],
        "curve": dict(done[-1].curve) if done else None,
        "predicting": _predicting(folder),
    }


def obstacle(
    accepted: Sequence[Accepted],
    earlier: Sequence[Version],
    base: str = BASE,
    settings: Sequence[str] = (),
    again: bool = False,
) -> str:
    """Why a new version cannot begin; "" if it can."""
    if not accepted:
        return "no field is corrected yet. Correct one, and accept it"
    last = next((version for version in reversed(earlier) if version.state == "done"), None)
    same = (last.base, last.settings) == (base, tuple(settings)) if last else False
    if last and same and not again and not _changed(accepted, last):
        return f"nothing was corrected since {last.name}. Correct more first"
    nuclei = accepted[0].nuclei
    if len(accepted) == 1 and nuclei is not None and nuclei < parts.FEWEST:
        return (
            f"a single corrected field with {nuclei} nuclei is too little to train on; expected "
            f"{parts.FEWEST} nuclei, or a second field. Correct one more field"
        )
    return ""


def _changed(accepted: Sequence[Accepted], last: Version) -> list[str]:
    """Keys of fields that are not in a version as they are now, or not any more."""
    now = {one.field.key: digest_of(one.mask) for one in accepted}
    then = {use.key: use.sha256 for use in last.fields}
    return [key for key in {**then, **now} if now.get(key) != then.get(key)]


def _corrected(accepted: Sequence[Accepted], known: Sequence[Version]) -> dict[str, Any]:
    assigned = parts.assign([one.field.key for one in accepted], known) if accepted else {}
    nuclei = [one.nuclei for one in accepted]
    newest = next((version for version in reversed(known) if version.state != "failed"), None)
    left_out = sum(part == parts.LEFT_OUT for part in assigned.values())
    return {
        "fields": len(accepted),
        "train": len(accepted) - left_out,
        "left_out": left_out,
        "nuclei": None if None in nuclei else sum(filter(None, nuclei)),
        "since": len(_changed(accepted, newest)) if newest else len(accepted),
    }


def _why(folder: Path, accepted: Sequence[Accepted], known: Sequence[Version]) -> str:
    if versions.is_alive(folder) or locks.holder(folder, locks.SUBMITTED):
        return "a training is under way"
    return obstacle(accepted, known)


def _what(count: Mapping[str, Any]) -> str:
    if count["fields"] < 2:
        text = "Train on three quarters of the corrected field; the rest is left out to score on"
        return text if count["fields"] else ""
    fields = "1 field" if count["train"] == 1 else f"{count['train']} fields"
    return f"Train on {fields}; {count['left_out']} left out to score on"


def _training(folder: Path, known: Sequence[Version]) -> dict[str, Any] | None:
    """The newest version, if it is not done; or one that waits for a cluster."""
    alive = versions.is_alive(folder)
    queued = not alive and locks.holder(folder, locks.SUBMITTED) is not None
    newest = known[-1] if known else None
    if newest is None or newest.state == "done":
        if not (alive or queued):
            return None
        state = "training" if alive else "queued"
        return {"name": versions.next_name(folder), "state": state, "stage": "preparing"} | _NOTHING
    state = newest.state
    if alive:
        state = "training"
    elif queued:
        state = "queued"
    elif newest.state == "training":
        state = "interrupted"
    progress = _progress(versions.home(folder, newest.name) / "run" / versions.PROGRESS)
    resumable = not (alive or queued) and newest.state in UNFINISHED
    own = {"name": newest.name, "state": state, "resumable": resumable, "error": newest.error}
    return {"stage": "preparing"} | _NOTHING | progress | own


class _Progress(BaseModel):
    """What progress.json says, see `progress`."""

    stage: str = "preparing"
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    steps: int = 0
    loss: list[float] = []
    val: list[float] = []
    seconds: float = 0.0
    eta_seconds: float | None = None


def _progress(path: Path) -> dict[str, Any]:
    """How far a training is; nothing where its file says nothing that makes sense."""
    try:
        return _Progress.model_validate(read_json(path) or {}).model_dump()
    except ValueError:
        return {}


_NOTHING: dict[str, Any] = {
    "resumable": False,
    "error": "",
    "epoch": 0,
    "epochs": 0,
    "step": 0,
    "steps": 0,
    "loss": [],
    "val": [],
    "seconds": 0.0,
    "eta_seconds": None,
}


def _row(version: Version) -> dict[str, Any]:
    row = asdict(version)
    del row["fields"]
    trained = version.part(parts.TRAIN)
    return row | {
        "train": len(trained),
        "left_out": len(version.part(parts.LEFT_OUT)),
        "nuclei": sum(use.nuclei for use in trained),
    }


def _predicting(folder: Path) -> dict[str, Any] | None:
    content = read_json(folder / LOOP / versions.PREDICTING)
    running = locks.holder(folder, locks.PREDICTING) is not None
    if content is None and not running:
        return None
    return (content or {}) | {"running": running}


def read_json(path: Path) -> dict[str, Any] | None:
    """A small file that is written whole; None where there is none."""
    try:
        content = from_json(path.read_text(encoding="utf-8"), finite=True)
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
