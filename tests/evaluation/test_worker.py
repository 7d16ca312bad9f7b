"""Predicting in the process of its own, with a stub for the model."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
from evaluation.conftest import OPTIONS

from nucseg_tf.errors import UsageError
from nucseg_tf.evaluation import worker
from nucseg_tf.evaluation.worker import Job, labels_file, measure_cost, peak_memory, predict_images
from nucseg_tf.inference.stages.values import Found
from nucseg_tf.io.labels import read_labels
from nucseg_tf.types import Instances


class Stub:
    """Stands for a model: bright pixels are one nucleus; fails where a pixel is 255."""

    def __init__(self):
        self.calls = 0
        self.network = SimpleNamespace(engine="keras", precision="f32", device="cpu:0")

    def inverts(self, asked):
        return bool(asked)

    def check(self, options):
        if options.tta > 8:
            raise UsageError("--tta: too many")

    def stages(self, options):
        return [lambda image: Found(image, Instances(self.predict(image.pixels), np.ones(1)))]

    def predict(self, pixels, **options):
        self.calls += 1
        if pixels.max() == 255:
            raise MemoryError("no more")
        return (pixels > 50).astype(np.int32)


@pytest.fixture
def images(tmp_path):
    """Three images, of which the second makes the stub fail."""
    found = {}
    for name, value in (("a", 100), ("b", 255), ("c", 200)):
        found[name] = tmp_path / f"{name}.tif"
        tifffile.imwrite(found[name], np.array([[0, value], [value, 0]], np.uint8))
    return found


def job(tmp_path, images, **changes):
    files = list(images.values())
    values = {"folder": tmp_path, "model": tmp_path, "todo": images, "timed": files}
    return Job(**values | {"options": OPTIONS | changes})


def test_an_image_that_fails_is_named_and_the_others_done(tmp_path, images):
    sent = []
    predict_images(Stub(), job(tmp_path, images), sent.append)
    assert [message[:2] for message in sent] == [("image", name) for name in "abc"]
    assert [bool(message[2]) for message in sent] == [False, True, False]
    assert "out of memory" in sent[1][2]
    assert read_labels(labels_file(tmp_path, "a")).tolist() == [[0, 1], [1, 0]]
    assert not labels_file(tmp_path, "b").exists()


def test_two_names_of_one_file_are_both_predicted(tmp_path, images):
    sent = []
    twice = {"first": images["a"], "second": images["a"]}
    predict_images(Stub(), job(tmp_path, twice), sent.append)
    assert sent == [("image", "first", ""), ("image", "second", "")]
    assert all(labels_file(tmp_path, name).is_file() for name in twice)


def test_options_that_make_no_sense_fail_at_once(tmp_path, images):
    with pytest.raises(UsageError, match="--tta"):
        predict_images(Stub(), job(tmp_path, images, tta=9), lambda message: None)


def test_cost_is_of_second_calls(tmp_path, images, monkeypatch):
    ticks = iter(np.arange(0, 100, 0.25))
    monkeypatch.setattr(worker.time, "perf_counter", lambda: next(ticks))
    stub = Stub()
    cost = measure_cost(stub, job(tmp_path, images))
    assert stub.calls == 2 + 1 + 2  # the failing image is not timed
    assert (cost["seconds"], cost["images"], cost["mpx"]) == (0.5, 2, 8e-6)
    assert cost["memory_mb"] > 10


def test_peak_memory_is_not_inherited():
    ballast = np.ones(40_000_000)  # 305 MB
    code = "from nucseg_tf.evaluation.worker import peak_memory; print(peak_memory())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert peak_memory() > ballast.nbytes / 2**20
    assert float(done.stdout) < peak_memory() - 100


def test_dark_nuclei_are_found_as_their_model_was_trained(tmp_path):
    stub, sent = Stub(), []
    tifffile.imwrite(tmp_path / "dark.tif", np.array([[250, 20], [250, 250]], np.uint8))
    images = {"a": tmp_path / "dark.tif"}
    for asked, found in ((None, [[0, 1], [0, 0]]), (False, [[1, 0], [1, 1]])):
        stub.inverts = lambda asked: True if asked is None else asked
        predict_images(stub, job(tmp_path, images, invert=asked), sent.append)
        np.testing.assert_array_equal(read_labels(labels_file(tmp_path, "a")), found)
    assert sent == [("image", "a", "")] * 2
