"""Times the annotation page: `python scripts/bench_annotate.py [--json] [--edits N] [--training]`.

A drawn field of 2,000 x 2,000 px, 16 bits, with 5,000 nuclei is served by `nucseg annotate` and
opened in Chromium. Image and outlines are timed from the request of the page until they are drawn.
An edit is timed from the hand's release until the page has the labels that the server has put on
disk and, without a browser, from request to answer. Machines differ and are noisy.

With --training, what a page asks for is timed twice in the same run: idle, and beside a real
training on two of five fields of 4,000 x 4,000 px with as many nuclei.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import tifffile

from nucseg_tf.io.labels import write_labels

SIDE, NUCLEI = 2000, 5000
LARGE = 4000  # px, beside a training
FIELDS, CORRECTED = ("a", "b", "c"), ("d", "e")
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


def draw_field(folder: Path, name: str = "field", side: int = SIDE, seed: int = 0) -> None:
    """Ellipses on a jittered grid, with noise; an image in its size, not in its looks."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((side, side), np.int32)
    across = int(np.ceil(NUCLEI**0.5))
    step = side / across
    y, x = np.mgrid[-15:16, -15:16]
    for number in range(NUCLEI):
        row, column = (np.array(divmod(number, across)) + 0.5) * step + rng.uniform(-4, 4, 2)
        a, b, turn = rng.uniform(7, 12), rng.uniform(7, 12), rng.uniform(0, np.pi)
        u, v = y * np.cos(turn) + x * np.sin(turn), x * np.cos(turn) - y * np.sin(turn)
        rows, columns = y + int(row), x + int(column)
        inside = (u / a) ** 2 + (v / b) ** 2 < 1
        inside &= (rows >= 0) & (rows < side) & (columns >= 0) & (columns < side)
        labels[rows[inside], columns[inside]] = number + 1
    bright = np.concatenate(([300], rng.uniform(3000, 9000, NUCLEI)))
    image = rng.poisson(bright[labels] / 10) * 10
    for place in ("images", "prelabels"):
        (folder / place).mkdir(exist_ok=True)
    tifffile.imwrite(folder / "images" / f"{name}.tif", image.clip(0, 65535).astype(np.uint16))
    write_labels(folder / "prelabels" / f"{name}_labels.tif", labels)


def time_requests(address: str, edits: int) -> list[float]:
    """Milliseconds from request to answer of each edit, without a browser."""
    base, _, token = address.partition("/#token=")
    who = {"field": "field", "page": "bench-requests", "user": ""}
    times = []
    headers = {"authorization": f"Bearer {token}"}
    with httpx.Client(base_url=base, headers=headers, timeout=60, trust_env=False) as client:
        revision = client.post("/api/open", json=who).json()["revision"]
        for number in range(edits):
            row = 20.5 + 97 * (number % 20)
            points = [[row + i * 0.3, 40.5 + i] for i in range(30)]
            edit = {"id": f"bench-{number:06d}", "revision": revision, "tool": "draw"}
            edit |= {"points": points, "size": 9}
            began = time.perf_counter()
            answer = client.post("/api/edit", json=who | {"edit": edit})
            times.append(1e3 * (time.perf_counter() - began))
            revision = answer.raise_for_status().json()["revision"]
            undo = {"id": f"undo-{number:06d}", "revision": revision, "tool": "undo"}
            revision = client.post("/api/edit", json=who | {"edit": undo}).json()["revision"]
        client.post("/api/leave", json=who)
    return times


def time_page(address: str, edits: int, key: str = "field") -> dict[str, Any]:
    """Milliseconds until the first picture and of each edit, in Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(address)
        page.wait_for_selector(f"body[data-field={key}]")
        page.wait_for_timeout(1000)  # for the frame
        marks = [
            page.evaluate(f"performance.getEntriesByName('{name}:{key}')[0].startTime")
            for name in ("picture", "shown")
        ]
        page.keyboard.press("b")
        for number in range(edits):
            x, y = 420 + 11 * (number % 40), 120 + 13 * (number % 37)
            page.mouse.move(x, y)
            page.mouse.down()
            page.mouse.move(x + 12, y + 5, steps=8)
            page.mouse.up()
            page.wait_for_selector("#saved[data-state=saved]")
        entries = page.evaluate(
            "performance.getEntriesByType('measure').map((entry) => entry.duration)"
        )
        frames = page.evaluate(
            "new Promise((done) => { const t = performance.now(); let n = 0; const step = () => {"
            "nucseg.view.camera.zoom(n % 2 ? 1.3 : 1 / 1.3, 400, 300); nucseg.view.draw();"
            "(n += 1) < 20 ? requestAnimationFrame(step) : done((performance.now() - t) / 20); };"
            "step(); })"
        )
        page.goto("about:blank")  # gives the field back
        page.wait_for_timeout(1000)
        browser.close()
    return {
        "picture_ms": marks[0],
        "outlines_ms": marks[1],
        "edits_ms": entries,
        "zoom_frame_ms": frames,
    }


class Asker:
    """What a page asks for, one after the other, with the time that each takes."""

    def __init__(self, address: str):
        base, _, token = address.partition("/#token=")
        headers = {"authorization": f"Bearer {token}"}
        self.client = httpx.Client(base_url=base, headers=headers, timeout=60, trust_env=False)
        self.times: dict[str, list[float]] = {}
        self.edits = 0

    def ask(self, kind: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """An answer; its milliseconds are kept."""
        began = time.perf_counter()
        call = self.client.get(path) if body is None else self.client.post(path, json=body)
        self.times.setdefault(kind, []).append(1e3 * (time.perf_counter() - began))
        return call

    def round(self, number: int) -> None:
        """Everything once; the fields take turns, as when a user goes through them."""
        key = FIELDS[number % len(FIELDS)]
        who = {"field": key, "page": "bench-requests", "user": ""}
        revision = self.ask("open", "/api/open", who).json()["revision"]
        self.ask("labels", f"/api/labels?field={key}")
        self.ask("image", f"/api/image?field={key}")
        for _ in range(3):
            for tool in ("draw", "magic", "undo", "undo"):
                edit = self._edit(tool, revision)
                answer = self.ask(tool, "/api/edit", who | {"edit": edit})
                if answer.status_code == 200:  # magic may find nothing there
                    revision = answer.json()["revision"]
        self.ask("accept", "/api/accept", who | {"revision": revision})
        self.ask("reopen", "/api/reopen", who | {"revision": revision})
        seen = self.ask("list", "/api/project").json()["seen"]
        self.ask("loop", "/api/loop")
        self.ask("loop_again", f"/api/loop?seen={seen}")
        self.ask("thumbnail", f"/api/thumbnail?field={key}")
        self.ask("beat", "/api/beat", who)
        self.ask("leave", "/api/leave", who)

    def _edit(self, tool: str, revision: int) -> dict[str, Any]:
        self.edits += 1
        edit = {"id": f"bench-{self.edits:06d}", "revision": revision, "tool": tool}
        step = LARGE / 71
        row, column = (step * (0.5 + (self.edits * prime) % 71) for prime in (7, 13))
        if tool == "draw":  # between nuclei
            points = [[row + step / 2 + i * 0.3, column + step / 2 + i] for i in range(20)]
            return edit | {"points": points, "size": 9}
        return edit | ({"points": [[row, column]]} if tool == "magic" else {})

    def take(self) -> dict[str, list[float]]:
        """The times so far; begins anew."""
        times, self.times = self.times, {}
        return times


def prepare_large(folder: Path) -> None:
    """Five fields of LARGE px a side, two of them accepted."""
    for number, key in enumerate((*FIELDS, *CORRECTED)):
        draw_field(folder, key, LARGE, number)
    (folder / "masks").mkdir()
    for key in CORRECTED:
        shutil.copyfile(folder / "prelabels" / f"{key}_labels.tif", folder / "masks" / f"{key}.tif")


def wait_for_training(asker: Asker) -> None:
    """Until its steps are being done."""
    while True:
        told = asker.client.get("/api/loop").json()["training"]
        if told and told["stage"] == "training" and told["step"] > 1:
            return
        if told and told["state"] == "failed":
            raise SystemExit(told["error"])
        time.sleep(0.5)


def wait_for_magic(asker: Asker) -> None:
    """Until the model has been loaded, and has looked at each field."""
    for key in FIELDS:
        who = {"field": key, "page": "bench-requests", "user": ""}
        while asker.client.post("/api/magic", json=who).json()["state"] == "loading":
            time.sleep(0.2)


def time_training(folder: Path, rounds: int, browser: bool) -> dict[str, Any]:
    """Median and 95th percentile of requests and of edits in a page, idle and beside a training."""
    prepare_large(folder)
    found: dict[str, Any] = {}
    with served(folder) as address:
        asker = Asker(address)
        wait_for_magic(asker)
        asker.round(0)
        asker.take()  # the first round reads what the others have in memory
        for state in ("idle", "training"):
            if state == "training":
                who = {"field": FIELDS[0], "page": "bench-requests", "user": ""}
                asker.client.post("/api/loop/train", json=who).raise_for_status()
                wait_for_training(asker)
            for number in range(rounds):
                asker.round(number)
            times = asker.take()
            if browser:
                times["page_edit"] = list(time_page(address, 20, FIELDS[0])["edits_ms"])
            told = asker.client.get("/api/loop").json()["training"]
            if (told is not None) is not (state == "training"):
                raise SystemExit(f"expected {state}. Received: {told}")
            found[state] = {
                kind: [round(float(np.percentile(some, q)), 1) for q in (50, 95)]
                for kind, some in times.items()
            }
        asker.client.post("/api/loop/stop", json=who)
        asker.client.close()
    return found


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of `nucseg annotate` on a folder."""
    command = [sys.executable, "-m", "nucseg_tf", "annotate", str(folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield server.stdout.readline().strip() if server.stdout else ""
        finally:
            server.terminate()


def show_training(found: dict[str, Any], as_json: bool) -> None:
    """Print a table, or JSON."""
    if as_json:
        print(json.dumps(found))
        return
    print(f"{'':12}{'idle, ms':>16}{'training, ms':>16}   ratio of medians")
    for kind, idle in found["idle"].items():
        busy = found["training"][kind]
        pairs = [f"{median:.1f} ({p95:.1f})" for median, p95 in (idle, busy)]
        print(f"{kind:12}{pairs[0]:>16}{pairs[1]:>16}   {busy[0] / idle[0]:.1f}")


def main() -> None:
    """Print the figures, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edits", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--training", action="store_true")
    parser.add_argument("--rounds", type=int, default=12, help="of requests, with --training")
    parser.add_argument("--no-browser", action="store_true", help="requests alone")
    arguments = parser.parse_args()
    if arguments.training:
        with tempfile.TemporaryDirectory() as name:
            found = time_training(Path(name), arguments.rounds, not arguments.no_browser)
        show_training(found, arguments.json)
        return
    with tempfile.TemporaryDirectory() as name:
        draw_field(Path(name))
        with served(Path(name)) as address:
            page = time_page(address, arguments.edits)
            requests = time_requests(address, arguments.edits)
    edits = np.array(page.pop("edits_ms"))
    result = {key: round(float(str(value)), 1) for key, value in page.items()}
    for kind, times in (("page_edit", edits), ("request", np.array(requests))):
        result[f"{kind}_median_ms"] = round(float(np.median(times)), 1)
        result[f"{kind}_max_ms"] = round(float(times.max()), 1)
    if arguments.json:
        print(json.dumps(result))
        return
    for key, value in result.items():
        print(f"{key:24} {value}")


if __name__ == "__main__":
    main()
