"""Kills `nucseg annotate` and what it runs, and looks at what is left.

In rounds, the real server edits and accepts fields of a drawn project, alone (page-edits) or while
a version is trained (page-train) or fields are labelled (page-label). At a random moment the
server, the process beside it, or both at once get SIGKILL; then the server is started again. A page
sends what was not answered once more. At the end everything is compared with what undisturbed work
gives:

    journal    has each edit that was answered, once, in order
    masks      equal, byte for byte, those that the same edits give without a server
    weights    of each version equal those of a training that nobody killed
    labels     of each field equal, byte for byte, those that the model gives it elsewhere
    hidden     no hidden file is left
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from kills.drawn import make_model
from kills.page import EDITED, Page, Server, compare_edits
from kills.same import check_whole, hidden
from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.annotation.editor.session import Session
from nucseg_tf.annotation.editor.store import Store
from nucseg_tf.annotation.loop import locks, versions
from nucseg_tf.annotation.loop.predict import predict_fields
from nucseg_tf.annotation.loop.train import prepare, train

LONG = ("training.epochs=12", "training.steps_per_epoch=8")
STAGES = {"page-edits": None, "page-train": locks.TRAINING, "page-label": locks.PREDICTING}
FIELDS = "abcdefghijkl"
PATIENCE = 400  # s, for anything; trainings stand back behind the page


def draw_project(folder: Path, accepted: str) -> None:
    """Fields of eight drawn nuclei each; some of them corrected."""
    from reference.drawn import drawn_nuclei

    image, labels = drawn_nuclei()
    image = np.hstack([image, image[:, ::-1]])
    labels = np.hstack([labels, np.where(labels > 0, labels + 4, 0)[:, ::-1]])
    for name in ("images", "prelabels"):
        (folder / name).mkdir(parents=True)
    for number, key in enumerate(FIELDS):
        tifffile.imwrite(folder / "images" / f"{key}.tif", np.roll(image, 7 * number, axis=1))
        path = folder / "prelabels" / f"{key}_labels.tif"
        tifffile.imwrite(path, np.roll(labels, 7 * number, axis=1).astype(np.uint16))
    for key in accepted:
        session = Session(Store(open_project(folder).fields[key], image.shape))
        session.reopen("me")
        session.accept("me", None)
        session.close()


class Stage:
    """What runs beside the server, and what is compared at the end."""

    def __init__(self, name: str, work: Path):
        self.name, self.lock = name, STAGES[name]
        self.folder, self.twin = work / "project", work / "twin"
        self.rounds: list[str] = []
        self.base = make_model(work / "base", 5) if name == "page-train" else None
        draw_project(self.folder, "abcd")
        if name == "page-label":
            for number in (1, 2):
                made = make_model(self.folder / "loop" / f"v{number}", number)
                versions.write(self.folder, versions.Version(made.parent.name, "done", "nuclei"))
        shutil.copytree(self.folder, self.twin)

    def begin(self) -> None:
        """Let there be something to do for the process beside the server."""
        if self.name == "page-train":
            from reference.small import SMALL

            prepare(self.folder, False, True, str(self.base), (*SMALL, *LONG))
        elif self.name == "page-label":
            name = f"v{len(self.rounds) % 2 + 1}"
            versions.choose(self.folder, name)
            self.rounds.append(name)

    def is_done(self, state: dict[str, Any]) -> bool:
        """Whether that is done."""
        if self.name == "page-train":
            return state["training"] is None and bool(state["versions"])
        told = state["predicting"] or {}
        return self.name == "page-edits" or (
            told.get("state") == "done" and told["model"] == self.rounds[-1] and not told["running"]
        )

    def go_on(self, server: Server, state: dict[str, Any]) -> None:
        """Press the button, where the server does not go on by itself a second time."""
        body = {"field": "a", "page": "page-of-anna", "user": ""}
        path = {"page-train": "resume", "page-label": "predict"}.get(self.name)
        idle = self.lock and locks.holder(self.folder, self.lock) is None
        if path and idle and not self.is_done(state):
            server.client.post(f"/api/loop/{path}", json=body)

    def compare(self) -> list[str]:
        """Differences from what an undisturbed process gives."""
        if self.name == "page-train":
            return self._compare_weights()
        return self._compare_labels() if self.name == "page-label" else []

    def _compare_weights(self) -> list[str]:
        from reference.small import SMALL

        from nucseg_tf.models import weights

        def read(folder: Path, name: str) -> list[np.ndarray]:
            file = versions.model_folder(folder, name) / "model.weights.h5"
            return [value for _, value in weights.read_weights(file)]

        # The same fields: those that the page accepted meanwhile are of later versions.
        first = versions.read(self.folder, "v1")
        train(self.twin, base=str(self.base), settings=(*SMALL, *LONG))
        different = []
        for version in versions.read_versions(self.folder):
            if version.state != "done":
                different.append(f"{version.name}: {version.state} {version.error}")
            elif version.fields == first.fields:
                pairs = zip(read(self.twin, "v1"), read(self.folder, version.name), strict=True)
                if not all(np.allclose(a, b, rtol=1e-3, atol=1e-5) for a, b in pairs):
                    different.append(f"{version.name}: other weights")
        return different

    def _compare_labels(self) -> list[str]:
        wanted: dict[str, dict[str, bytes]] = {}
        for name in ("v1", "v2"):
            versions.choose(self.twin, name)
            predict_fields(self.twin)
            files = sorted((self.twin / "prelabels").glob("*_labels.tif"))
            wanted[name] = {file.name: file.read_bytes() for file in files}
        different = []
        model, before = self.rounds[-1], self.rounds[-2:-1]
        for key in set(FIELDS) - set("abcd") - set(EDITED):
            name, place = f"{key}_labels.tif", self.folder / "prelabels"
            if (place / name).read_bytes() != wanted[model][name]:
                different.append(f"{name}: other labels")
            kept = place / f"{key}_before.tif"
            if before and kept.read_bytes() != wanted[before[0]][name]:
                different.append(f"{kept.name}: other labels")
        return different


def kill_loop(
    name: str, work: Path, kills: int, rng: random.Random, until: float
) -> dict[str, Any]:
    """The rounds.

    Args:
        name: of the stage.
        work: an empty folder.
        kills: how often to kill.
        rng: for the moments.
        until: when (time.monotonic) to stop all the same.

    Returns:
        `kills`, `runs`, `apart` (s between two kills), `moments`, `differences`, `edits` and
        `accepted`.
    """
    stage, page = Stage(name, work), Page(rng)
    stage.begin()
    found: dict[str, Any] = {"kills": 0, "runs": 0, "apart": [], "moments": {}, "differences": []}
    server, more = Server(stage.folder), True
    while more:
        last = found["kills"] >= kills or time.monotonic() > until
        more = _round(stage, page, server, last, rng, found)
        if server.process.poll() is not None:
            server = Server(stage.folder)
    server.end()
    for _ in range(2):  # the next server, and what it runs, sweep
        server = Server(stage.folder)
        stage.go_on(server, server.loop())
        server.end()
    different = stage.compare() + compare_edits(stage.folder, stage.twin, page)
    found["differences"] += different + [f"hidden: {name}" for name in hidden(stage.folder)]
    found["runs"] = len(stage.rounds) or len(versions.read_versions(stage.folder)) or 1
    edits = sum(map(len, page.answered.values()))
    return found | {"edits": edits, "accepted": page.accepted}


def _round(
    stage: Stage,
    page: Page,
    server: Server,
    last: bool,
    rng: random.Random,
    found: dict[str, Any],
) -> bool:
    """Edit until somebody is killed, or until all is done; whether there is more to do."""
    began, done = time.monotonic(), threading.Event()
    worker = threading.Thread(target=page.work, args=(server, done))
    worker.start()
    try:
        who, state = _wait(stage, server, last, rng)
        if who:
            _kill(stage, server, who)
            moment = f"{who} while {state}"
            found["kills"] += 1
            found["moments"][moment] = found["moments"].get(moment, 0) + 1
            found["apart"].append(round(time.monotonic() - began, 3))
    finally:
        done.set()
        worker.join()
    found["differences"] += check_whole(stage.folder)
    if not who and not last:
        stage.begin()
    return bool(who) or not last


def _wait(stage: Stage, server: Server, last: bool, rng: random.Random) -> tuple[str, str]:
    """Who is to be killed now, and what is being done; "" once all is done."""
    end = time.monotonic() + PATIENCE
    who = "" if last else rng.choice(("server", "worker", "both") if stage.lock else ("server",))
    waits_for, delay, idle = rng.random() < 0.8, rng.uniform(0, 1.5), 0
    while time.monotonic() < end:
        state = server.loop()
        if stage.name == "page-edits":
            time.sleep(delay)
            return who, "editing"
        if stage.is_done(state):
            return "", ""
        running = locks.holder(stage.folder, stage.lock or "") is not None
        told = (state["training"] if stage.name == "page-train" else state["predicting"]) or {}
        what = str(told.get("stage") or told.get("state") or "") if running else "idle"
        if who and running and (not waits_for or what not in ("preparing", "")):
            time.sleep(delay)
            return who, what
        idle = 0 if running else idle + 1
        if idle > 60:
            stage.go_on(server, state)
            idle = 0
        time.sleep(0.05)
    raise SystemExit(f"nothing happens any more: {json.dumps(server.loop())[:2000]}")


def _kill(stage: Stage, server: Server, who: str) -> None:
    held = locks.holder(stage.folder, stage.lock) if stage.lock else None
    if who in ("server", "both"):
        server.process.send_signal(signal.SIGKILL)
    if who in ("worker", "both") and held is not None and held.process:
        with contextlib.suppress(ProcessLookupError):  # it has just ended
            os.kill(held.process, signal.SIGKILL)
    if who in ("server", "both"):
        server.kill()
