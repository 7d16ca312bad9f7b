"""Training from the page in a real browser: without real trainings, and from images to a model."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import uvicorn
from reference.drawn import drawn_nuclei

from nucseg_tf.__main__ import main
from nucseg_tf.annotation.editor.app import make_app
from nucseg_tf.annotation.editor.loop import Loop
from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.annotation.editor.security import Gate
from nucseg_tf.annotation.editor.server import listen
from nucseg_tf.annotation.editor.users import Users
from nucseg_tf.annotation.editor.workspace import Workspace
from nucseg_tf.annotation.loop import locks, process, versions
from nucseg_tf.annotation.loop.label import replace_prelabels
from nucseg_tf.annotation.loop.versions import SHIPPED, FieldUse, Version
from nucseg_tf.io.labels import read_labels

ROOT = Path(__file__).parents[3]
TOKEN = "secret-token"
KEYS = ("one", "three", "two")  # as they are listed


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The server in a thread of this process, where tests can replace what it starts."""
    workspace = Workspace(open_project(folder))
    loop = Loop(workspace)
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        app = Gate(make_app(workspace, Users("anna"), loop=loop), TOKEN, "127.0.0.1", port)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        loop.begin()
        try:
            yield f"http://127.0.0.1:{port}/#token={TOKEN}"
        finally:
            loop.end()
            server.should_exit = True
            thread.join()
            workspace.close()


def wait(check: Callable[[], object], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.05)


class Actor:
    """Plays the processes that train and label: holds their locks, and writes what they write."""

    def __init__(self, folder: Path, monkeypatch):
        self.folder = folder
        self.model = SHIPPED
        self.first: list[str | None] = []  # of each labelling that was begun
        self.held: dict[str, object] = {}
        monkeypatch.setattr(process, "start_training", self.start_training)
        monkeypatch.setattr(process, "stop_training", self.stop_training)
        monkeypatch.setattr(process, "start_predicting", self.start_predicting)
        monkeypatch.setattr(process, "stop_predicting", lambda folder: self.let_go(".predicting"))

    def let_go(self, name: str) -> bool:
        held = self.held.pop(name, None)
        if held is not None:
            held.close()
        return held is not None

    def start_training(self, folder, where, new=False):
        self.held[locks.TRAINING] = locks.take(folder, locks.TRAINING)
        name = versions.next_name(folder)
        if not new:
            name = versions.unfinished(folder).name
        uses = (FieldUse("one", "train", 4, ""), FieldUse("three", "left_out", 4, ""))
        (versions.home(folder, name) / "run").mkdir(parents=True, exist_ok=True)
        self.version = versions.write(folder, Version(name, "training", "nuclei", fields=uses))

    def epoch(self, *losses: float) -> None:
        left = 60.0 * (4 - len(losses))
        told = {"stage": "training", "epoch": len(losses), "epochs": 4, "step": len(losses)}
        told |= {"steps": 4, "loss": losses, "val": losses, "seconds": 1, "eta_seconds": left}
        run = versions.home(self.folder, self.version.name) / "run"
        versions.write_json(run / "progress.json", told)

    def stop_training(self, folder) -> bool:
        versions.write(folder, replace(self.version, state="stopped"))
        return self.let_go(locks.TRAINING)

    def finish(self, f1: float, old: float) -> None:
        name, taken = self.version.name, f1 >= old
        scores = {
            name: {"f1": f1, "splits": 1, "merges": 2, "missed": 3, "spurious": 4},
            SHIPPED: {"f1": old, "splits": 3, "merges": 4, "missed": 5, "spurious": 6},
        }
        points = [{"fields": 0, "f1": old}, {"fields": 1, "f1": f1}]
        versions.model_folder(self.folder, name).mkdir()
        done = replace(
            self.version,
            state="done",
            ended="2026-01-02T03:04:05+00:00",
            scores=scores,
            taken=taken,
            reason=f"F1 {f1:.3f} on the field left out, {SHIPPED} has {old:.3f}.",
            curve={"points": points, "text": "More fields will probably help."},
        )
        versions.write(self.folder, done)
        if taken:
            versions.choose(self.folder, name)
        self.let_go(locks.TRAINING)

    def start_predicting(self, folder, first=None):
        self.let_go(locks.PREDICTING)
        self.held[locks.PREDICTING] = locks.take(folder, locks.PREDICTING)
        self.model = versions.current(folder)
        self.first.append(first)
        self.tell("running", 0)

    def tell(self, state: str, done: int) -> None:
        told = {"state": state, "model": self.model, "done": done, "total": 3, "error": ""}
        versions.write_json(self.folder / "loop" / "predicting.json", told)

    def label(self, labels: np.ndarray, *keys: str) -> None:
        """Label fields, and say so; with all of them, the labelling is done."""
        for key in keys:
            path = self.folder / "prelabels" / f"{key}_labels.tif"
            record = {"model": self.model, "nuclei": len(np.unique(labels)) - 1, "suspects": []}
            wrong = {"one": 0.1, "two": 2.0, "three": 1.0}[key]
            record |= {"wrong": wrong, "unsure": 0.0, "features": [0.0] * 5}
            replace_prelabels(path, labels, record, None)
        if len(keys) == 1:
            self.tell("running", 1)
        else:
            self.tell("done", 3)
            self.let_go(locks.PREDICTING)


@pytest.fixture
def images(tmp_path, add_image) -> Path:
    """A folder of images, and nothing else."""
    for key in KEYS:
        add_image(tmp_path / "images" / f"{key}.tif", drawn_nuclei()[0])
    return tmp_path


@pytest.fixture
def actor(images, monkeypatch):
    found = Actor(images, monkeypatch)
    yield found
    for name in list(found.held):
        found.let_go(name)


@pytest.fixture
def problems() -> list[str]:
    """What the browser noted."""
    return []


@pytest.fixture
def page(browser, actor, images, problems):
    """A page of the folder; it must not have had trouble."""
    with serving(images) as address:
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        found = context.new_page()
        found.on("pageerror", lambda error: problems.append(str(error)))
        found.on("console", lambda message: problems.append(message.text))
        found.goto(address)
        found.wait_for_selector("body[data-field='one']")
        yield found
        context.close()
    assert problems == []


def shown(page, selector: str, text: str) -> None:
    page.wait_for_selector(f"{selector} >> text={text}")


def nuclei(page) -> int:
    return page.evaluate("nucseg.view.labels.nuclei.size")


def accept(page, *keys: str) -> None:
    for key in keys:
        page.evaluate("(key) => nucseg.editor.open(key)", key)
        page.wait_for_selector(f"body[data-field='{key}']")
        page.keyboard.press("Control+Enter")
        page.wait_for_selector(f'[data-key="{key}"][data-status=accepted]')


# --- with played processes -------------------------------------------------------------------


def test_from_images_to_a_model_and_its_labels(page, actor):
    labels = drawn_nuclei()[1]
    page.wait_for_selector("#labelling:visible")
    assert actor.first == ["one"]
    page.keyboard.press("Control+Enter")
    shown(page, ".toast", "still to come")
    actor.label(labels, "one")
    wait(lambda: nuclei(page) == 4)
    page.wait_for_selector("#labelling", state="hidden")
    actor.label(labels, *KEYS)

    accept(page, "one")
    wait(lambda: "too little" in page.get_attribute("#train", "title"))
    page.keyboard.press("Control+Shift+Enter")
    shown(page, ".toast.bad", "too little to train on")
    accept(page, "three")
    page.wait_for_selector("#train[aria-disabled=false]")
    page.keyboard.press("Control+Shift+Enter")
    shown(page, "#run-title", "v1 trains")
    actor.epoch(0.5, 0.4, 0.3)
    page.wait_for_selector("#run-chart path.check")
    shown(page, "#train", "Epoch 3 of 4")
    shown(page, "#run-left", "about 1 min left")
    assert page.get_attribute("#train", "aria-disabled") == "true"

    page.evaluate("nucseg.editor.open('two')")
    page.wait_for_selector("body[data-field='two']")
    actor.finish(0.9, 0.6)
    shown(page, "#outcome", "v1 was taken over")
    shown(page, "#outcome", f"F1 0.900 on the field left out, {SHIPPED} has 0.600")
    wait(lambda: len(actor.first) == 2, 10)  # the server begins to label by itself
    actor.label(np.where(labels == 2, 0, labels), "two")
    wait(lambda: nuclei(page) == 3)
    assert page.inner_text("#model-name") == "v1"


def test_before_and_after(page, actor, images, problems):
    labels = drawn_nuclei()[1]
    actor.label(labels, *KEYS)
    wait(lambda: nuclei(page) == 4)
    page.keyboard.press("c")
    shown(page, ".toast", "There are no labels of the model")
    problems.clear()  # the browser notes the answer
    versions.home(images, "v1").mkdir(parents=True)
    versions.model_folder(images, "v1").mkdir()
    versions.choose(images, "v1")
    actor.model = "v1"
    actor.label(np.where(labels == 2, 0, labels), *KEYS)
    page.evaluate("nucseg.loop.poll()")
    wait(lambda: nuclei(page) == 3)
    page.keyboard.press("c")
    shown(page, "#flip", f"Before: labels of {SHIPPED}")
    assert nuclei(page) == 4
    assert page.inner_text("#count") == "4 nuclei"
    page.evaluate("nucseg.editor.select([3])")
    page.keyboard.press("Delete")
    shown(page, ".toast.bad", "only shown")
    page.keyboard.press("Control+Enter")
    assert not (images / "masks").exists()
    page.keyboard.press("c")
    page.wait_for_selector("#flip", state="hidden")
    assert nuclei(page) == 3
    page.evaluate("nucseg.editor.select([3])")
    page.keyboard.press("Delete")
    wait(lambda: nuclei(page) == 2)
    # of a field with labels of its own, those of the model are shown
    path = images / "prelabels" / "one_model.tif"
    path.write_bytes((images / "prelabels" / "one_labels.tif").read_bytes())
    page.keyboard.press("c")
    shown(page, "#flip", "not yours")
    assert nuclei(page) == 3
    assert page.evaluate("""() => {  // a banner, as of an accepted field, hides no part of it
        const [flip, banner] = ["flip", "banner"].map((id) => document.getElementById(id));
        banner.hidden = false;
        const apart = flip.getBoundingClientRect().top >= banner.getBoundingClientRect().bottom;
        banner.hidden = true;
        return apart;
    }""")
    page.evaluate("nucseg.editor.open('two')")
    page.wait_for_selector("#flip", state="hidden")


def test_stop_resume_and_a_model_that_is_not_better(page, actor):
    actor.label(drawn_nuclei()[1], *KEYS)
    wait(lambda: nuclei(page) == 4)
    accept(page, "one", "three")
    page.click("#train")
    shown(page, "#run-title", "v1 trains")
    page.click("#run-stop")
    shown(page, "#run-title", "v1 was stopped")
    page.click("#run-resume")
    shown(page, "#run-title", "v1 trains")
    actor.epoch(0.5, 0.4)
    actor.finish(0.5, 0.6)
    shown(page, "#outcome", "v1 was not taken over")
    assert page.inner_text("#model-name") == SHIPPED
    page.click("#model-more summary")
    shown(page, "[data-version=v1]", "1 field · F1 0.50 · 1 split · 2 merged")
    shown(page, "#learning", "More fields will probably help")
    assert page.locator("#learning circle").count() == 2
    page.click("[data-version=v1] button")
    shown(page, ".toast", "v1 labels the fields that nobody has corrected")
    assert page.inner_text("#model-name") == "v1"
    assert actor.first == ["one", None]
    shown(page, f"[data-version={SHIPPED}]", "Use this one")


def test_a_second_page_sees_the_same(page, actor):
    actor.label(drawn_nuclei()[1], *KEYS)
    wait(lambda: nuclei(page) == 4)
    accept(page, "one", "three")
    page.click("#train")
    shown(page, "#run-title", "v1 trains")
    actor.epoch(0.5, 0.4)
    with page.expect_popup() as popup:
        page.evaluate("void window.open('/')")
    other = popup.value
    for window in (page, other):
        shown(window, "#run-title", "v1 trains")
        shown(window, "#train", "Epoch 2 of 4")
    other.click("#run-stop")
    shown(page, "#run-title", "v1 was stopped")


def test_the_order_by_what_is_to_be_learned(page, actor):
    def keys() -> list[str]:
        return page.evaluate("[...document.querySelectorAll('li.field')].map(i => i.dataset.key)")

    actor.label(drawn_nuclei()[1], *KEYS)
    page.wait_for_selector("#order:visible")
    assert keys() == list(KEYS)
    page.click("#order-learn")
    assert keys() == ["two", "three", "one"]
    shown(page, '[data-key="two"]', "about 2 of 4 nuclei probably wrong")
    page.evaluate("nucseg.editor.open('two')")
    page.wait_for_selector("body[data-field='two']")
    page.keyboard.press("PageDown")
    page.wait_for_selector("body[data-field='three']")
    accept(page, "two")
    page.click("#banner >> text=Next field")
    page.wait_for_selector("body[data-field='three']")
    page.reload()
    page.wait_for_selector("body[data-field]")
    page.wait_for_selector("#order:visible")
    assert keys()[-1] == "two"


# --- the real thing --------------------------------------------------------------------------


@contextmanager
def annotating(folder: Path, *options: str):
    """`nucseg annotate` in a process of its own, and the address that it prints."""
    command = [sys.executable, "-m", "nucseg_tf", "annotate", str(folder), "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        yield process, process.stdout.readline().strip()
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate()


def outline(mask: np.ndarray) -> list[list[float]]:
    """A polygon that has the pixels of a mask inside."""
    fine = np.kron(mask.astype(np.uint8), np.ones((3, 3), np.uint8))
    contours, _ = cv2.findContours(fine, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    points = (max(contours, key=len)[:, 0, ::-1] + 0.5) / 3
    return points.tolist()


def correct(page, key: str, truth: np.ndarray) -> None:
    """Replace the labels of a field by the true ones, as a hand would, and accept it."""
    page.evaluate("(key) => nucseg.editor.open(key)", key)
    page.wait_for_selector(f"body[data-field='{key}']")
    outlines = [outline(truth == label) for label in np.unique(truth)[1:]]
    page.evaluate(
        """async (outlines) => {
            const { editor } = nucseg;
            const labels = [...editor.view.labels.nuclei.keys()];
            if (labels.length) editor.edits.submit("delete", { labels });
            for (const points of outlines) editor.edits.submit("polygon", { points });
            await editor.queue.idle();
        }""",
        outlines,
    )
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(f'[data-key="{key}"][data-status=accepted]')
    assert nuclei(page) == len(outlines)


def state(page) -> dict:
    return page.evaluate("nucseg.loop.state")


def simulate(folder: Path, count: int, size: str) -> tuple[Path, Path, list[str]]:
    """A folder of images, one of true masks, and the keys of the fields."""
    drawn, mine = folder / "drawn", folder / "mine"
    fields = ["--cell-line", "Eosinophils", "--fields", str(count), "--size", size]
    assert main(["simulate", "--out", str(drawn), *fields]) == 0
    mine.mkdir()
    (drawn / "images").rename(mine / "images")
    keys = [f"Eosinophils/Eosinophils_seed0_{number:04d}" for number in range(1, count + 1)]
    return mine, drawn / "masks", keys


SMALL_PROGRAM = """#!{python}
import sys
sys.path[:0] = [{root!r}, {tests!r}]
from nucseg_tf.__main__ import main
from nucseg_tf.registry import FAMILIES
from reference.small import SMALL, tiny

sys.executable = __file__
build = FAMILIES["fpn2ws"].build
FAMILIES["fpn2ws"].build = lambda arch, *more: (tiny if arch.filters == 8 else build)(arch, *more)
words = sys.argv[3:]
if "--new" in words:
    words += ["--init=random", *(f"--set={{setting}}" for setting in SMALL)]
sys.exit(main(words))
"""


def test_the_whole_way_with_a_tiny_network(browser, tmp_path, monkeypatch):
    """Real processes, from images alone: all but the network is as users have it."""
    program = tmp_path / "program"
    where = {"python": sys.executable, "root": str(ROOT), "tests": str(ROOT / "tests")}
    program.write_text(SMALL_PROGRAM.format(**where))
    program.chmod(0o755)
    monkeypatch.setattr(process.sys, "executable", str(program))
    folder, masks, keys = simulate(tmp_path, 4, "128x160")
    with serving(folder) as address:
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.goto(address)
        page.wait_for_selector("#labelling:visible")
        wait(lambda: nuclei(page) > 0, 120)
        wait(lambda: not state(page)["predicting"]["running"], 60)
        for key in keys[:2]:
            correct(page, key, read_labels(masks / f"{key}.tif"))
        page.wait_for_selector("#train[aria-disabled=false]")
        page.keyboard.press("Control+Shift+Enter")
        page.wait_for_selector("#run-chart path.check", timeout=120_000)
        page.wait_for_selector("#outcome b", timeout=120_000)
        version = versions.read(folder, "v1")
        for name in ("v1", SHIPPED):
            assert f"{version.scores[name]['f1']:.3f}" in page.inner_text("#outcome")
        page.evaluate("(key) => nucseg.editor.open(key)", keys[2])
        page.wait_for_selector(f"body[data-field='{keys[2]}']")
        before = nuclei(page)
        page.evaluate("nucseg.loop.use('v1')")  # what a tiny network takes for nuclei
        wait(lambda: state(page)["predicting"]["model"] == "v1", 60)
        wait(lambda: not state(page)["predicting"]["running"], 60)
        wait(lambda: nuclei(page) != before)
        wait(lambda: not page.evaluate("nucseg.editor.opening"))  # it is shown anew
        page.keyboard.press("c")
        shown(page, "#flip", f"Before: labels of {SHIPPED}")
        assert nuclei(page) == before
        page.keyboard.press("c")
        for key in keys[:2]:  # corrected: not touched
            found = read_labels(folder / "masks" / f"{key}.tif")
            assert np.array_equal(found > 0, read_labels(masks / f"{key}.tif") > 0)
        page.context.close()


@pytest.mark.slow
def test_from_images_alone_to_a_model_of_ones_own(browser, tmp_path):
    """No command but `nucseg annotate`; the server is killed once, and ended once."""
    folder, masks, keys = simulate(tmp_path, 12, "256x320")
    context = browser.new_context(viewport={"width": 1280, "height": 800})

    with annotating(folder) as (server, address):
        page = context.new_page()
        page.goto(address)
        page.wait_for_selector("#labelling:visible")
        wait(lambda: nuclei(page) > 0, 300)
        wait(lambda: not state(page)["predicting"]["running"], 300)
        for key in keys[:3]:
            correct(page, key, read_labels(masks / f"{key}.tif"))
        page.wait_for_selector("#train[aria-disabled=false]")
        page.keyboard.press("Control+Shift+Enter")
        page.wait_for_selector("#run-chart path.check", timeout=900_000)
        server.kill()  # the training does not mind
        server.wait()
        page.close()

    with annotating(folder) as (server, address):
        page = context.new_page()
        page.goto(address)
        shown(page, "#run-title", "v1 trains")
        server.terminate()  # saves and ends it
        server.wait()
        page.close()
    wait(lambda: versions.read(folder, "v1").state == "stopped", 300)

    with annotating(folder) as (server, address):
        page = context.new_page()
        page.goto(address)
        shown(page, "#run-title", "v1 trains")  # by itself
        page.wait_for_selector("#outcome b", timeout=1_800_000)
        version = versions.read(folder, "v1")
        text = page.inner_text("#outcome")
        for name in ("v1", SHIPPED):
            assert f"{version.scores[name]['f1']:.3f}" in text
        assert version.taken, text  # the shipped model takes lobes for nuclei
        wait(lambda: state(page)["predicting"]["model"] == "v1", 300)
        wait(lambda: not state(page)["predicting"]["running"], 600)
        page.evaluate("(key) => nucseg.editor.open(key)", keys[4])
        page.wait_for_selector(f"body[data-field='{keys[4]}']")
        new = nuclei(page)
        wait(lambda: not page.evaluate("nucseg.editor.opening"))  # it is shown anew
        page.keyboard.press("c")
        shown(page, "#flip", f"Before: labels of {SHIPPED}")
        assert nuclei(page) != new
        page.keyboard.press("c")
        assert nuclei(page) == new
        for key in keys[:3]:
            found = read_labels(folder / "masks" / f"{key}.tif")
            assert np.array_equal(found > 0, read_labels(masks / f"{key}.tif") > 0)
        page.close()
    context.close()
