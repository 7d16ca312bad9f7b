"""How the programs call tools that are not installed here: stand-ins note what they are asked."""

from __future__ import annotations

import importlib.metadata
import runpy
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest

from nucseg_tf.evaluation.peers.run import PROGRAM

PLANE = np.zeros((4, 6), np.uint16)


@pytest.fixture
def program(monkeypatch):
    """Loads a program beside stand-ins for what it imports."""

    def load(name, **modules):
        torch = SimpleNamespace(
            cuda=SimpleNamespace(is_available=lambda: False),
            jit=SimpleNamespace(load=lambda path, map_location: (path, map_location)),
            inference_mode=nullcontext,
        )
        for module, stand_in in {"torch": torch, **modules}.items():
            monkeypatch.setitem(sys.modules, module, stand_in)
        return runpy.run_path(str(PROGRAM.with_name(f"{name}_peer.py")))["load"]

    return load


class FakeInstanSeg:
    small_image_threshold = 25  # px

    def __init__(self, model, device, verbosity):
        self.asked = [(model, device)]

    def _found(self, way, pixels, pixel_size, target):
        self.asked.append((way, pixel_size, target))
        labels = np.arange(pixels.size, dtype=np.float32).reshape(1, 1, *pixels.shape)
        return SimpleNamespace(cpu=lambda: SimpleNamespace(numpy=lambda: labels))

    def eval_small_image(self, pixels, pixel_size, target, return_image_tensor):
        return self._found("small", pixels, pixel_size, target)

    def eval_medium_image(self, pixels, pixel_size, target, return_image_tensor):
        return self._found("medium", pixels, pixel_size, target)


@pytest.mark.parametrize(
    ("weights", "model"), [(None, "single_channel_nuclei"), ("w.pt", ("w.pt", "cpu"))]
)
def test_instanseg(weights, model, program):
    made = []

    def make(*args, **options):
        made.append(FakeInstanSeg(*args, **options))
        return made[0]

    load = program("instanseg", instanseg=SimpleNamespace(InstanSeg=make))
    predict, about = load(weights)
    labels = predict(PLANE, 0.3)
    np.testing.assert_array_equal(labels, np.arange(24).reshape(4, 6))
    assert labels.dtype == np.int32
    predict(np.zeros((5, 5)), None)
    assert made[0].asked == [(model, "cpu"), ("small", 0.3, "nuclei"), ("medium", None, "nuclei")]
    assert about == {"weights": weights or "single_channel_nuclei", "device": "cpu"}


@pytest.mark.parametrize(
    ("version", "weights", "made", "asked", "named"),
    [
        ("3.1.1.3", None, {"model_type": "nuclei"}, {"diameter": None}, "nuclei"),
        ("3.1.1.3", "mine", {"pretrained_model": "mine"}, {}, "mine"),
        ("4.2.1.1", None, {}, {}, "cpsam_v2"),
        ("4.2.1.1", "mine", {"pretrained_model": "mine"}, {}, "mine"),
    ],
)
def test_cellpose(version, weights, made, asked, named, program, monkeypatch):
    calls = []

    def make(**options):
        calls.append(options)
        return SimpleNamespace(
            eval=lambda pixels, **options: (calls.append(options) or PLANE, "flows", "styles"),
            pretrained_model="/home/me/.cellpose/models/cpsam_v2",
        )

    models = SimpleNamespace(Cellpose=make, CellposeModel=make)
    monkeypatch.setattr(importlib.metadata, "version", lambda name: version)
    predict, about = program("cellpose", cellpose=SimpleNamespace(models=models))(weights)
    assert predict(PLANE, None) is PLANE
    grey = {"channels": [0, 0]} if version.startswith("3") else {}
    assert calls == [{"gpu": False} | made, grey | asked]
    assert about == {"weights": named, "device": "cpu"}
