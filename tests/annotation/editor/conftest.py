"""A folder to annotate."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from reference.drawn import drawn_nuclei

from nucseg_tf.annotation.editor.project import Project, open_project
from nucseg_tf.io.labels import write_labels

FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
OBJECTS = """image,label,confidence,suspect,reasons,rank
A/one.tif,1,0.9,0,,4
A/one.tif,2,0.4,1,touches a neighbour,2
A/one.tif,3,0.3,1,at the edge,1
A/one.tif,4,0.8,0,,3
two.tif,1,0.9,0,,1
"""


@pytest.fixture(name="add_image")
def add_image_function():
    """See `add_image`."""
    return add_image


def add_image(path: Path, pixels: np.ndarray) -> None:
    """Write an image of 0.5 µm a pixel."""
    path.parent.mkdir(parents=True, exist_ok=True)
    per_cm = (1e4 / 0.5, 1e4 / 0.5)
    tifffile.imwrite(path, pixels, resolution=per_cm, resolutionunit="CENTIMETER", metadata=None)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Fields A/one (16 bits, prelabels, suspects), A/three (mask), two (8 bits, nothing)."""
    image, labels = drawn_nuclei()
    add_image(tmp_path / "images" / "A" / "one.tif", image.astype(np.uint16) * 100)
    add_image(tmp_path / "images" / "A" / "three.tif", image)
    add_image(tmp_path / "images" / "two.tif", image)
    (tmp_path / "prelabels" / "A").mkdir(parents=True)
    (tmp_path / "masks" / "A").mkdir(parents=True)
    write_labels(tmp_path / "prelabels" / "A" / "one_labels.tif", labels)
    write_labels(tmp_path / "masks" / "A" / "three_masks.tif", labels)
    (tmp_path / "prelabels" / "objects.csv").write_text(OBJECTS)
    record = {"model": {"name": "fpn2ws-nuclei"}}
    (tmp_path / "prelabels" / "run.json").write_text(json.dumps(record))
    return tmp_path


@pytest.fixture
def project(folder) -> Project:
    """The folder, opened."""
    return open_project(folder)


@pytest.fixture(scope="module")
def browser(chromium):
    """The machine's Chromium, led by playwright."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield found
        found.close()
