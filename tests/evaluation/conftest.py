"""A small data set of two cell lines, and label images of two tools, one of which is perfect."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from reference.drawn import PREDICTION, TRUTH, draw

from nucseg_tf.evaluation.benchmark import run_benchmark
from nucseg_tf.evaluation.entries import parse_entries

OPTIONS = {**dict.fromkeys(("channel", "z", "pixel_size", "diameter", "tile")), "tta": 1}
PAIR = draw("1.22.\n1.22.")
FIELDS = {
    "HCT-116/a": (draw(TRUTH), draw(PREDICTION)),
    "HCT-116/b": (PAIR, PAIR),
    "Other/c": (PAIR, 0 * PAIR),
    "Other/d": (0 * PAIR, 0 * PAIR),
}


def write(path: Path, labels: np.ndarray) -> None:
    """Write a label image, and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, labels)


@pytest.fixture
def folders(tmp_path):
    """data/{images,masks}, tool/ and perfect/."""
    for name, (truth, prediction) in FIELDS.items():
        write(tmp_path / "data" / "images" / f"{name}.tif", (40 * truth).astype(np.uint8))
        write(tmp_path / "data" / "masks" / f"{name}.tif", truth.astype(np.uint16))
        write(tmp_path / "tool" / f"{Path(name).name}_labels.tif", prediction.astype(np.uint16))
        write(tmp_path / "perfect" / f"{name}.tif", truth.astype(np.uint16))
    return tmp_path


@pytest.fixture
def benchmark(folders):
    """Runs a benchmark of label images; returns the result and its folder."""

    def run(*labels: str, out: str = "out", **options):
        entries = parse_entries([], [f"{text}" for text in labels])
        result = run_benchmark(folders / "data", folders / out, entries, options=OPTIONS, **options)
        return result, folders / out

    return run


@pytest.fixture
def both(folders, benchmark):
    """A benchmark of both tools: its result and folder."""
    return benchmark(f"FPN2-WS={folders / 'tool'}", f"hand={folders / 'perfect'}")
