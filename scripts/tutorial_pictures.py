"""Makes the pictures of docs/tutorial.md anew: `python scripts/tutorial_pictures.py`.

Draws fields of eosinophils, serves their images by `nucseg annotate`, and walks in Chromium the way
that the tutorial tells: first labels, a finished region, a training, its outcome, new labels. What
an annotator would do by hand is done by the true labels, as edits of the page. The training is a
real one; so the whole takes minutes on two cores. It prints what was corrected and how good the
model is. The same command goes on with a run that was interrupted; remove its folder (--work) to
begin anew.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from nucseg_tf.evaluation.matching import match, overlap_table
from nucseg_tf.io.labels import read_labels

ROOT = Path(__file__).parents[1]
LINE, FIELDS, SIZE = "Eosinophils", 12, "600x800"
REGION = (20, 20, 580, 420)  # of the first field: y0, x0, y1, x1
WINDOW = {"width": 1440, "height": 900}
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
MOST_BYTES = 150_000  # of a picture
GOOD = 0.7  # IoU from which on an annotator leaves an outline as it is
PATIENCE = 900  # s that a training or the labelling may take


# --- the project ---------------------------------------------------------------------------------


def draw_project(
    work: Path, fields: int, size: str, line: str = LINE
) -> tuple[Path, dict[str, np.ndarray]]:
    """A folder of images alone, if it is not there yet, and the true labels by key of the field."""
    drawn, mine = work / "drawn", work / line.lower()
    if not mine.is_dir():
        options = ["--cell-line", line, "--fields", str(fields), "--size", size]
        command = nucseg("simulate", *options, "--out", str(drawn))
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (drawn / "images" / line).rename(mine)
    truth = {path.stem: read_labels(path) for path in sorted((drawn / "masks" / line).iterdir())}
    return mine, truth


def nucseg(*words: str) -> list[str]:
    """A command of this package."""
    return [sys.executable, "-m", "nucseg_tf", *words]


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """`nucseg annotate` in a process of its own; the address that it prints."""
    command = nucseg("annotate", str(folder), "--port", "0")
    environment = os.environ | {"LOGNAME": "anna"}  # the name in the page's history
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        yield process.stdout.readline().strip() if process.stdout else ""
    finally:
        process.terminate()
        process.communicate()


@contextmanager
def browsing(address: str) -> Iterator[Any]:
    """A page of Chromium on the address."""
    from playwright.sync_api import sync_playwright

    program = os.environ.get("NUCSEG_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        page = browser.new_context(viewport=WINDOW).new_page()
        page.goto(address)
        page.wait_for_selector("body[data-field]")
        yield page
        browser.close()


# --- a hand --------------------------------------------------------------------------------------


class Walk:
    """A page, what is true of its fields, and the folder for pictures of it."""

    def __init__(self, page: Any, truth: dict[str, np.ndarray], out: Path):
        self.page, self.truth, self.out = page, truth, out
        self.keys = list(truth)

    @property
    def state(self) -> dict[str, Any]:
        """How the loop stands, as the page last heard."""
        return self.page.evaluate("nucseg.loop.state")

    def wait(self, check: Callable[[], object], seconds: float = 60) -> None:
        """Wait for something; the page's policy keeps playwright's own way from running."""
        deadline = time.monotonic() + seconds
        while not check():
            if time.monotonic() > deadline:
                raise TimeoutError(json.dumps(self.state, indent=1))
            time.sleep(0.2)

    def open(self, key: str) -> None:
        """Show a field."""
        self.page.evaluate("(key) => nucseg.editor.open(key)", key)
        self.page.wait_for_selector(f"body[data-field='{key}']")

    def next(self) -> str:
        """The first field of the list that is not accepted."""
        return self.page.evaluate(
            "nucseg.editor.fields.sequence.find((row) => row.status !== 'accepted').key"
        )

    def is_well_on(self) -> bool:
        """Whether a training is in its last epoch, or beyond."""
        training = self.state["training"] or {"val": [], "epochs": 0}
        return bool(training["val"]) and len(training["val"]) >= training["epochs"] - 1

    def labels(self, key: str) -> np.ndarray:
        """The labels (H, W) that the page shows."""
        pixels = self.page.evaluate("Array.from(nucseg.view.labels.pixels)")
        return np.array(pixels, np.int32).reshape(self.truth[key].shape)

    def correct(self, key: str, box: tuple[int, int, int, int] | None = None) -> tuple[int, int]:
        """Put right what is wrong in a field, or in a box of it.

        Returns:
            How many nuclei were deleted, and how many drawn.
        """
        self.open(key)
        truth = self.truth[key]
        wrong, missing = differences(self.labels(key), truth, box)
        outlines = [outline(truth == label) for label in missing]
        self.page.evaluate(
            """async ([labels, outlines]) => {
                const { editor } = nucseg;
                if (labels.length) editor.edits.submit("delete", { labels });
                for (const points of outlines) editor.edits.submit("polygon", { points });
                await editor.queue.idle();
                editor.select([]);
            }""",
            [wrong, outlines],
        )
        return len(wrong), len(missing)

    def accept(self, key: str) -> None:
        """Accept the field that is open."""
        self.page.keyboard.press("Control+Enter")
        self.page.wait_for_selector(f'[data-key="{key}"][data-status=accepted]')

    def train(self, name: str, watch: Callable[[], None] = lambda: None) -> None:
        """Press Train, and wait for the version and for labels by it; `watch` while it trains."""
        if self.state["training"] is None:  # else the server goes on with it
            self.page.wait_for_selector("#train[aria-disabled=false]")
            self.page.click("#train")
        watch()
        self.wait(lambda: self.is_done(name), PATIENCE)
        if self.state["versions"][0]["taken"]:
            self.wait(lambda: (self.state["predicting"] or {}).get("model") == name, PATIENCE)
        self.wait(lambda: not self.state["predicting"]["running"], PATIENCE)

    def is_done(self, name: str) -> bool:
        """Whether a version is trained; ends the program where its training failed."""
        newest = next(iter(self.state["versions"]), {"name": ""})
        if self.state["training"]:
            if self.state["training"]["state"] == "failed":
                raise SystemExit(f"{newest['name']} failed: {newest['error']}")
            return False
        return newest["name"] == name

    def picture(self, name: str) -> None:
        """Keep a picture of the page, without messages that pass."""
        self.page.mouse.move(720, 895)  # over nothing that reacts to it
        self.page.evaluate("document.getElementById('toasts').replaceChildren()")
        save(Image.open(io.BytesIO(self.page.screenshot())), self.out / f"{name}.jpg")

    def stage(self) -> Image.Image:
        """A picture of the field alone."""
        return Image.open(io.BytesIO(self.page.locator("#stage").screenshot()))


def differences(
    labels: np.ndarray, truth: np.ndarray, box: tuple[int, int, int, int] | None
) -> tuple[list[int], list[int]]:
    """Labels that are wrong and true ones that are missing, of those that reach into a box."""
    table = overlap_table(truth, labels)
    pairs = match(table, GOOD)
    known = set(table.truth_labels[pairs[:, 0]].tolist())
    right = set(table.pred_labels[pairs[:, 1]].tolist())
    y0, x0, y1, x1 = box or (0, 0, *truth.shape)
    here, there = (set(np.unique(array[y0:y1, x0:x1]).tolist()) for array in (labels, truth))
    return sorted(here - right - {0}), sorted(there - known - {0})


def outline(mask: np.ndarray) -> list[list[float]]:
    """A polygon (row, column) that has the pixels of a mask inside."""
    fine = np.kron(mask.astype(np.uint8), np.ones((3, 3), np.uint8))
    contours, _ = cv2.findContours(fine, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return ((max(contours, key=len)[:, 0, ::-1] + 0.5) / 3).tolist()


def save(picture: Image.Image, path: Path) -> None:
    """Write a JPEG, as good as `MOST_BYTES` allow."""
    for quality in range(90, 30, -5):
        held = io.BytesIO()
        picture.convert("RGB").save(held, "JPEG", quality=quality, optimize=True, subsampling=0)
        if held.tell() <= MOST_BYTES:
            break
    path.write_bytes(held.getvalue())
    print(f"{path.name}: {held.tell() / 1000:.0f} kB, quality {quality}", flush=True)


# --- the way -------------------------------------------------------------------------------------


def first_labels(walk: Walk) -> None:
    """Labels of the shipped model, field by field."""
    walk.wait(lambda: (walk.state or {}).get("predicting"))
    walk.wait(lambda: not walk.state["predicting"]["running"], PATIENCE)
    walk.wait(lambda: walk.page.evaluate("nucseg.view.labels.nuclei.size"))
    walk.picture("1-first-labels")


def first_region(walk: Walk) -> None:
    """A part of the first field is corrected, marked as finished, and trained on."""
    key = walk.keys[0]
    deleted, drawn = walk.correct(key, REGION)
    print(f"{key}, region: {deleted} deleted, {drawn} drawn", flush=True)
    walk.page.wait_for_selector("#history >> text=Begun from")
    walk.page.evaluate(
        "(box) => { nucseg.regions.change([box]); return nucseg.editor.queue.idle(); }",
        list(REGION),
    )
    walk.picture("2-region")
    walk.accept(key)


def first_version(walk: Walk) -> None:
    """The first training, what came of it, and the same field before and after."""

    def watch() -> None:
        walk.open(walk.keys[1])
        walk.wait(walk.is_well_on, PATIENCE)
        walk.picture("3-training")

    walk.train("v1", watch)
    walk.page.wait_for_selector("#outcome b")
    walk.picture("4-taken-over")
    after = walk.stage()
    walk.page.keyboard.press("c")
    walk.page.wait_for_selector("#flip:visible")
    before = walk.stage()
    walk.page.keyboard.press("c")
    walk.page.wait_for_selector("#flip", state="hidden")
    both = np.hstack([np.asarray(image.convert("RGB")) for image in (before, after)])
    save(Image.fromarray(both), walk.out / "5-before-after.jpg")


def what_next(walk: Walk) -> None:
    """The fields from which most is learned first, and a suspect of the first of them."""
    walk.page.click("#order-learn")
    walk.open(walk.next())
    walk.page.keyboard.press("n")
    walk.picture("6-learn-most-first")


def walk_on(walk: Walk, first: bool) -> None:
    """Go on from where the project stands; only as far as the first training if `first`."""
    walk.wait(lambda: walk.state)
    if not walk.state["corrected"]["fields"]:
        first_labels(walk)
        first_region(walk)
    if first:
        return
    if not any(version["state"] == "done" for version in walk.state["versions"]):
        first_version(walk)
    what_next(walk)


def main() -> None:
    """Walk the way once."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "tutorial")
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "tutorial")
    parser.add_argument("--fields", type=int, default=FIELDS)
    parser.add_argument("--size", default=SIZE, help="of a field, HEIGHTxWIDTH in px")
    parser.add_argument("--first", action="store_true", help="only as far as the first training")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    folder, truth = draw_project(options.work, options.fields, options.size)
    with serving(folder) as address, browsing(address) as page:
        walk_on(Walk(page, truth, options.out), options.first)
    subprocess.run(nucseg("loop", "status", str(folder)), check=True)


if __name__ == "__main__":
    main()
