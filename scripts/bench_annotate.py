"""Times the annotation page: `python scripts/bench_annotate.py [--json] [--edits N]`.

A drawn field of 2,000 x 2,000 px, 16 bits, with 5,000 nuclei is served by `nucseg annotate` and
opened in Chromium. Image and outlines are timed from the request of the page until they are drawn.
An edit is timed from the hand's release until the page has the labels that the server has put on
disk and, without a browser, from request to answer. Machines differ and are noisy.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import numpy as np
import tifffile

from nucseg_tf.io.labels import write_labels

SIDE, NUCLEI = 2000, 5000
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


def draw_field(folder: Path) -> None:
    """Ellipses on a jittered grid, with noise; an image in its size, not in its looks."""
    rng = np.random.default_rng(0)
    labels = np.zeros((SIDE, SIDE), np.int32)
    across = int(np.ceil(NUCLEI**0.5))
    step = SIDE / across
    y, x = np.mgrid[-15:16, -15:16]
    for number in range(NUCLEI):
        row, column = (np.array(divmod(number, across)) + 0.5) * step + rng.uniform(-4, 4, 2)
        a, b, turn = rng.uniform(7, 12), rng.uniform(7, 12), rng.uniform(0, np.pi)
        u, v = y * np.cos(turn) + x * np.sin(turn), x * np.cos(turn) - y * np.sin(turn)
        rows, columns = y + int(row), x + int(column)
        inside = (u / a) ** 2 + (v / b) ** 2 < 1
        inside &= (rows >= 0) & (rows < SIDE) & (columns >= 0) & (columns < SIDE)
        labels[rows[inside], columns[inside]] = number + 1
    bright = np.concatenate(([300], rng.uniform(3000, 9000, NUCLEI)))
    image = rng.poisson(bright[labels] / 10) * 10
    (folder / "images").mkdir()
    (folder / "prelabels").mkdir()
    tifffile.imwrite(folder / "images" / "field.tif", image.clip(0, 65535).astype(np.uint16))
    write_labels(folder / "prelabels" / "field_labels.tif", labels)


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


def time_page(address: str, edits: int) -> dict[str, object]:
    """Milliseconds until the first picture and of each edit, in Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(address)
        page.wait_for_selector("body[data-field=field]")
        page.wait_for_timeout(1000)  # for the frame
        marks = [
            page.evaluate(f"performance.getEntriesByName('{name}:field')[0].startTime")
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


def main() -> None:
    """Print the figures, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edits", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        draw_field(Path(name))
        command = [sys.executable, "-m", "nucseg_tf", "annotate", name, "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                address = server.stdout.readline().strip() if server.stdout else ""
                page = time_page(address, arguments.edits)
                requests = time_requests(address, arguments.edits)
            finally:
                server.terminate()
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
