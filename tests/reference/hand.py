"""A hand on the annotation page, in a real browser."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
SHAPE = (72, 96)


@contextmanager
def running(folder: Path, *options: str):
    """`nucseg annotate` in a process of its own, and the address that it prints."""
    command = [sys.executable, "-m", "nucseg_tf", "annotate", str(folder), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


class Hand:
    """A page, and a hand that moves in the coordinates of the field: (row, column)."""

    def __init__(self, page, address: str, field: str = "A/one"):
        self.page = page
        self.problems: list[str] = []
        self.hosts: set[str] = set()
        page.on("console", lambda message: self._note(message))
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]))
        page.goto(address)
        page.wait_for_selector("body[data-field]")
        if field != page.evaluate("document.body.dataset.field"):
            page.evaluate("(key) => nucseg.editor.open(key)", field)

    def _note(self, message) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(message.text)

    def screen(self, row: float, column: float) -> tuple[float, float]:
        x, y = self.page.evaluate("([y, x]) => nucseg.view.camera.toScreen(y, x)", [row, column])
        box = self.page.locator("#view").bounding_box()
        return box["x"] + x, box["y"] + y

    def click(self, row: float, column: float, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.down(key)
        self.page.mouse.click(*self.screen(row, column))
        for key in keys:
            self.page.keyboard.up(key)

    def drag(self, *places: tuple[float, float]) -> None:
        self.page.mouse.move(*self.screen(*places[0]))
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*self.screen(*place), steps=6)
        self.page.mouse.up()

    def box(self, *corners: tuple[float, float]) -> None:
        self.page.keyboard.down("Shift")
        self.drag(*corners)
        self.page.keyboard.up("Shift")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def edits(self, change: Callable[[], None]) -> None:
        """Make an edit, and wait until the page says that it is saved."""
        before = self.page.evaluate("nucseg.editor.revision")
        change()
        wait(self.page, f"nucseg.editor.revision === {before + 1}")
        self.page.wait_for_selector("#saved[data-state=saved]")

    def labels(self) -> np.ndarray:
        """What the page holds."""
        pixels = self.page.evaluate("Array.from(nucseg.view.labels.pixels)")
        return np.array(pixels, np.int32).reshape(SHAPE)

    def selected(self) -> list[int]:
        return self.page.evaluate("nucseg.view.selected")


def wait(page, condition: str) -> None:
    """Wait for an expression; the page's policy keeps playwright's own way from running."""
    eventually(lambda: page.evaluate(condition))


def eventually(check: Callable[[], bool]) -> None:
    """Wait for what happens when a page has gone."""
    deadline = time.monotonic() + 10
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.05)
