"""Memory and open files do not grow along the images of a run."""

from __future__ import annotations

import gc
import threading
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import tifffile

from nucseg_tf.inference.options import Options
from nucseg_tf.inference.predict import predict_sources
from nucseg_tf.inference.stages.values import Found
from nucseg_tf.io.sources import file_sources
from nucseg_tf.types import Instances

IMAGES, START = 160, 80
LEAST = 4000  # bytes an image, of its entry in run.json and what a resumed run goes by


class Bright:
    """In the place of a model: what is bright is a nucleus."""

    model = SimpleNamespace(sha256="")
    network = SimpleNamespace(engine="none", precision="f32")

    def check(self, options: Options) -> None:
        pass

    def stages(self, options: Options, tile: int | None = None):
        return [self.find]

    def find(self, image) -> Found:
        count, labels = cv2.connectedComponents((image.pixels > 100).view(np.uint8))
        return Found(image, Instances(labels, np.ones(count - 1, np.float32)))


@pytest.fixture
def files(tmp_path) -> list[Path]:
    """Images that differ in shape, so that what is kept by shape grows."""
    (tmp_path / "images").mkdir()
    rng = np.random.default_rng(0)
    for number in range(IMAGES):
        pixels = rng.integers(0, 20, rng.integers(24, 64, 2)).astype(np.uint8)
        pixels[4:10, 4:12] = 200
        tifffile.imwrite(tmp_path / "images" / f"{number:03d}.tif", pixels)
    return sorted((tmp_path / "images").iterdir())


def in_use() -> tuple[int, int, int]:
    """Bytes that Python knows of, open files, threads."""
    gc.collect()
    files = sum(1 for _ in Path("/proc/self/fd").iterdir())
    return tracemalloc.get_traced_memory()[0], files, threading.active_count()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts files as Linux shows them")
def test_a_run_stays_as_large_as_it_was(files, tmp_path):
    seen = {}

    def look(done: int, total: int, name: str) -> bool:
        if done == START:
            tracemalloc.start()  # what is there already does not count
        if done in (START, IMAGES):
            seen[done] = in_use()
        return True

    sources = file_sources(files, None)
    try:
        outcome = predict_sources(sources, tmp_path / "out", Bright(), Options(), look, workers=2)
    finally:
        tracemalloc.stop()
    assert len(outcome.done) == IMAGES
    assert not outcome.failures
    (before, files_then, threads_then), (after, files_now, threads_now) = seen.values()
    assert abs(files_now - files_then) <= 2  # each worker may have one open
    assert threads_now == threads_then
    assert (after - before) / (IMAGES - START) < LEAST
