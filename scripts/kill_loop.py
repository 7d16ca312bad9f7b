"""Kills `nucseg annotate` and what it runs, and looks at what is left: `kill_loop.py STAGE`.

In rounds, the real server edits and accepts fields of a drawn project while a version is trained
or fields are labelled (STAGE: save, train, predict). At a random moment the server, the process
beside it, or both at once get SIGKILL; then the server is started again. A page sends what was not
answered once more. At the end everything is compared with what undisturbed work gives:

    journal    has each edit that was answered, once, in order
    masks      equal, byte for byte, those that the same edits give without a server
    weights    of each version equal those of a training that nobody killed
    labels     of each field equal, byte for byte, those that the model gives it elsewhere
    hidden     no hidden file is left

The network is tiny, so that a round takes seconds. One JSON object is printed; exit code 1 where
there is a difference.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import tifffile

from nucseg_tf.annotation.editor.message import Message
from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.annotation.editor.session import Session
from nucseg_tf.annotation.editor.store import Store
from nucseg_tf.annotation.loop import locks, versions
from nucseg_tf.annotation.loop.predict import predict_fields
from nucseg_tf.annotation.loop.train import prepare, train
from nucseg_tf.errors import NucsegError
from nucseg_tf.io.images import read_raw

ROOT = Path(__file__).resolve().parents[1]
TINY = """
import sys
if sys.argv[:1] != ["-c"]:
    from nucseg_tf.registry import FAMILIES
    def build(arch, pretrained=False):
        from reference.small import tiny
        return tiny(arch)
    FAMILIES["fpn2ws"].build = build
"""
LONG = ("training.epochs=12", "training.steps_per_epoch=8")
STAGES = {"save": None, "train": locks.TRAINING, "predict": locks.PREDICTING}
EDITED = ("e", "f")  # by the page; a to d are corrected from the beginning, others by nobody
FIELDS = "abcdefghijkl"
MOST = 12  # edits of a field, beyond which they are taken back
PATIENCE = 120  # s, for anything


class Server:
    """`nucseg annotate` as a process of its own."""

    def __init__(self, folder: Path, environment: dict[str, str]):
        command = [sys.executable, "-m", "nucseg_tf", "annotate", str(folder), "--port", "0"]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        address = self.process.stdout.readline().strip() if self.process.stdout else ""
        if not address:
            raise SystemExit(f"no server: {self.process.communicate()[1]}")
        base, _, token = address.partition("/#token=")
        headers = {"authorization": f"Bearer {token}"}
        self.client = httpx.Client(base_url=base, headers=headers, trust_env=False, timeout=60)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.process.kill()
        self.process.communicate()

    def loop(self) -> dict[str, Any]:
        """How the loop stands."""
        return self.client.get("/api/loop").json()


class Page:
    """Edits and accepts fields, and sends what was not answered once more.

    Attributes:
        answered: ids of edits, by field.
        sent: messages by id.
        differences: what was refused.
    """

    def __init__(self, rng: random.Random):
        self.rng, self.page = rng, "page-of-anna"
        self.answered: dict[str, list[str]] = {key: [] for key in EDITED}
        self.sent: dict[str, dict[str, Any]] = {}
        self.waiting: tuple[str, str, dict[str, Any]] | None = None
        self.differences: list[str] = []
        self.accepted = 0

    def work(self, server: Server, until: threading.Event) -> None:
        """One step after the other until the server is gone."""
        try:
            while not until.is_set():
                self._step(server)
        except httpx.HTTPError:
            pass  # it was killed; what waits for its answer is sent to the next one

    def _post(self, server: Server, path: str, key: str, **more: Any) -> httpx.Response:
        body = {"field": key, "page": self.page, "user": "", **more}
        return server.client.post(f"/api/{path}", json=body)

    def _step(self, server: Server) -> None:
        path, key, more = self.waiting or self._next(server)
        self.waiting = path, key, more
        answer = self._post(server, path, key, **more)
        self.waiting = None
        late = answer.status_code == 422 and path == "accept"  # was accepted, was not answered
        nothing = answer.status_code == 422 and path == "edit"  # all pixels there are taken
        if nothing or (answer.status_code == 409 and path != "edit"):
            return
        if answer.status_code != 200 and not late:
            self.differences.append(f"{path} {more}: {answer.status_code} {answer.text}")
        elif path == "edit":
            self.answered[key].append(more["edit"]["id"])
        else:
            self.accepted += path == "accept"

    def _next(self, server: Server) -> tuple[str, str, dict[str, Any]]:
        key = self.rng.choice(EDITED)
        opened = self._post(server, "open", key, over=True).json()
        revision = opened["revision"]
        if opened["status"] == "accepted":
            return "reopen", key, {"revision": revision}
        if self.rng.random() < 0.3:
            return "accept", key, {"revision": revision}
        number = f"edit-{len(self.sent):06d}"
        row, column = self.rng.uniform(4, 60), self.rng.uniform(4, 170)
        points = [[row, column], [row + 6, column + 9]]
        edit = {"id": number, "revision": revision, "tool": "draw", "size": 7, "points": points}
        if opened["undo"] > MOST:  # else there is no room left
            edit = {"id": number, "revision": revision, "tool": "undo"}
        self.sent[number] = edit
        return "edit", key, {"edit": edit}


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


def make_model(folder: Path, seed: int) -> Path:
    """A tiny network with random weights."""
    import keras
    from reference.small import tiny

    from nucseg_tf.models import zoo
    from nucseg_tf.registry import FAMILIES

    FAMILIES["fpn2ws"].build = tiny  # type: ignore[method-assign]
    keras.utils.set_random_seed(seed)
    arch = FAMILIES["fpn2ws"].architecture(  # type: ignore[call-arg]
        encoder="mobilenetv2", filters=8
    )
    folder.mkdir(parents=True)
    info = zoo.ModelInfo(name=f"m{seed}", architecture=arch, diameter=20.0)
    return zoo.save_model(folder / "model", info, zoo.build(arch), "")


class Stage:
    """What runs beside the server, and what is compared at the end."""

    def __init__(self, name: str, work: Path):
        self.name, self.lock = name, STAGES[name]
        self.folder, self.twin = work / "project", work / "twin"
        self.rounds: list[str] = []
        self.base = make_model(work / "base", 5) if name == "train" else None
        draw_project(self.folder, "abcd")
        if name == "predict":
            for number in (1, 2):
                made = make_model(self.folder / "loop" / f"v{number}", number)
                versions.write(self.folder, versions.Version(made.parent.name, "done", "nuclei"))
        shutil.copytree(self.folder, self.twin)

    def begin(self) -> None:
        """Let there be something to do for the process beside the server."""
        if self.name == "train":
            from reference.small import SMALL

            prepare(self.folder, False, True, str(self.base), (*SMALL, *LONG))
        elif self.name == "predict":
            name = f"v{len(self.rounds) % 2 + 1}"
            versions.choose(self.folder, name)
            self.rounds.append(name)

    def is_done(self, state: dict[str, Any]) -> bool:
        """Whether that is done."""
        if self.name == "train":
            return state["training"] is None and bool(state["versions"])
        told = state["predicting"] or {}
        return self.name == "save" or (
            told.get("state") == "done" and told["model"] == self.rounds[-1] and not told["running"]
        )

    def go_on(self, server: Server, state: dict[str, Any]) -> None:
        """Press the button, where the server does not go on by itself a second time."""
        body = {"field": "a", "page": "page-of-anna", "user": ""}
        path = {"train": "resume", "predict": "predict"}.get(self.name)
        idle = self.lock and locks.holder(self.folder, self.lock) is None
        if path and idle and not self.is_done(state):
            server.client.post(f"/api/loop/{path}", json=body)

    def compare(self) -> list[str]:
        """Differences from what an undisturbed process gives."""
        if self.name == "train":
            return self._compare_weights()
        return self._compare_labels() if self.name == "predict" else []

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


def compare_edits(stage: Stage, page: Page) -> list[str]:
    """Differences of journals, and of masks from those that the same steps give in the twin."""
    different = list(page.differences)
    for key in EDITED:
        field = open_project(stage.folder).fields[key]
        if not field.is_begun:
            continue
        lines = (field.state / "journal.jsonl").read_text().splitlines()
        entries = [json.loads(line) for line in lines]
        made = [entry["id"] for entry in entries if "id" in entry]
        if made != page.answered[key]:
            missing = set(page.answered[key]) - set(made)
            more = set(made) - set(page.answered[key])
            # The last one may have been made and not answered, as the run ended.
            if missing or len(more) > 1 or len(made) != len(set(made)):
                different.append(f"{key}: journal lacks {missing}, has {more}")
        shape = tifffile.imread(field.image).shape
        other = open_project(stage.twin).fields[key]
        shutil.copyfile(field.state / "base.tif", other.target)  # some model's, by then
        twin = Session(Store(other, shape))
        if twin.store.begin["sha256"] != entries[0]["sha256"]:
            different.append(f"{key}: base.tif is not what the work began from")
        mask: bytes | None = None
        for entry in entries:
            if "id" in entry:
                message = page.sent[entry["id"]] | {"revision": twin.store.revision}
                twin.edit(Message.model_validate(message), "")
            elif entry["type"] == "accept":
                twin.accept("", None)
                mask = twin.store.field.mask.read_bytes()
            elif entry["type"] == "reopen":
                twin.reopen("")
        if mask is not None and field.mask.read_bytes() != mask:
            different.append(f"{key}: another mask")
        own = Session(Store(field, shape))
        if not np.array_equal(own.store.labels.pixels, twin.store.labels.pixels):
            different.append(f"{key}: other labels")
        own.close()
        twin.close()
    return different


def check_whole(folder: Path) -> list[str]:
    """Files that anybody would take for whole, and are not."""
    broken = []
    for path in folder.rglob("*"):
        if path.name.startswith(".") or not path.is_file() or "-unfinished" in str(path):
            continue
        try:
            if path.suffix == ".tif":
                read_raw(path).read_all()
            elif path.suffix == ".json":
                json.loads(path.read_text())
        except (NucsegError, OSError, ValueError) as error:
            if path.exists():  # else replaced, or removed, while it was looked at
                broken.append(f"{path.relative_to(folder)}: {error!r}")
    return broken


def hidden(folder: Path) -> list[str]:
    """Hidden files, but for locks."""
    known = (locks.TRAINING, locks.PREDICTING, locks.SUBMITTED, ".lock")
    found = (path for path in folder.rglob(".*") if path.name not in known)
    return [str(path.relative_to(folder)) for path in found]


def kill_rounds(stage: Stage, page: Page, kills: int, rng: random.Random) -> dict[str, Any]:
    """The rounds; gives what was killed, in which state, and the differences."""
    killed: Counter[str] = Counter()
    different: list[str] = []
    left = 0
    with tempfile.TemporaryDirectory() as place:
        Path(place, "sitecustomize.py").write_text(TINY)
        paths = os.pathsep.join([place, str(ROOT), str(ROOT / "tests")])
        environment = os.environ | {"PYTHONPATH": paths, "CUDA_VISIBLE_DEVICES": ""}
        server = Server(stage.folder, environment)
        while True:
            last = sum(killed.values()) >= kills
            done = threading.Event()
            worker = threading.Thread(target=page.work, args=(server, done))
            worker.start()
            try:
                who, state = _wait(stage, server, last, rng)
                if who:
                    _kill(stage, server, who)
                    killed[f"{who} while {state}"] += 1
            finally:
                done.set()
                worker.join()
            different += check_whole(stage.folder)
            left += len(hidden(stage.folder))
            if not who and last:
                break
            if not who:
                stage.begin()
            elif server.process.poll() is not None:
                server = Server(stage.folder, environment)
        server.process.terminate()
        server.process.communicate()
        for _ in range(2):  # the next server, and what it runs, sweep
            server = Server(stage.folder, environment)
            stage.go_on(server, server.loop())
            server.process.terminate()
            server.process.communicate()
    different += stage.compare() + compare_edits(stage, page)
    different += [f"hidden: {name}" for name in hidden(stage.folder)]
    edits = sum(map(len, page.answered.values()))
    return {
        "stage": stage.name,
        "kills": sum(killed.values()),
        "killed": dict(sorted(killed.items())),
        "edits": edits,
        "accepted": page.accepted,
        "rounds_done": len(stage.rounds) or len(versions.read_versions(stage.folder)),
        "temporaries_seen": left,
        "differences": different,
    }


def _wait(stage: Stage, server: Server, last: bool, rng: random.Random) -> tuple[str, str]:
    """Who is to be killed now, and what is being done; "" once all is done."""
    end = time.monotonic() + PATIENCE
    who = "" if last else rng.choice(("server", "worker", "both") if stage.lock else ("server",))
    waits_for, delay, idle = rng.random() < 0.8, rng.uniform(0, 1.5), 0
    while time.monotonic() < end:
        state = server.loop()
        if stage.name == "save":
            time.sleep(delay)
            return who, "save"
        if stage.is_done(state):
            return "", ""
        running = locks.holder(stage.folder, stage.lock or "") is not None
        told = (state["training"] if stage.name == "train" else state["predicting"]) or {}
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


def main() -> None:
    """Kill, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=list(STAGES))
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder to leave the project in")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as name:
        work = arguments.keep or Path(name)
        stage = Stage(arguments.stage, work)
        stage.begin()
        began = time.monotonic()
        result = kill_rounds(stage, Page(rng), arguments.kills, rng)
    result["seconds"] = round(time.monotonic() - began, 1)
    print(json.dumps(result, indent=1))
    sys.exit(bool(result["differences"]))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "tests"))
    main()
