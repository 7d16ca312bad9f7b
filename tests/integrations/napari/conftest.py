"""A napari of its own for each test, and a model of no weights: what is bright is a nucleus."""

from __future__ import annotations

import threading
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest

# Without napari there is nothing here to be run, which is no skip: `make napari-test` runs it.
collect_ignore_glob = [] if find_spec("napari") else ["test_*.py"]

LIMIT = 60_000  # ms that a job may take


class Bright:
    """What stands for a `Segmenter`: nuclei are what is brighter than a level.

    Attributes:
        tiles: how many tiles were read.
        go_on: is waited for after each tile.
    """

    def __init__(self, level: float = 0.5, side: int = 32):
        self.level, self.side, self.tiles = level, side, 0
        self.info = SimpleNamespace(name="bright", confidence=object())
        self.model = SimpleNamespace(sha256="0" * 64)
        self.network = SimpleNamespace(engine="keras", device="cpu")
        self.family = SimpleNamespace(tile=side, smaller_tile=lambda side: None)
        self.go_on = threading.Event()
        self.go_on.set()

    def check(self, options):
        pass

    def inverts(self, asked):
        return bool(asked)

    def stages(self, options, tile):
        return [self._scale, self._network, self._decode]

    def _scale(self, image):
        from nucseg_tf.imaging.raster import Plain
        from nucseg_tf.inference.stages.values import Scaled

        return Scaled(image, Plain(image.pixels.astype(np.float32)))

    def _network(self, scaled):
        from nucseg_tf.imaging.window import blocks
        from nucseg_tf.inference.stages.values import Predicted

        seen = np.zeros(scaled.pixels.shape, np.float32)
        for window in blocks(seen.shape, self.side):
            seen[window.slices] = scaled.pixels.read(window)
            self.tiles += 1
            self.go_on.wait(LIMIT / 1000)
        return Predicted(scaled.image, seen)

    def _decode(self, predicted):
        from scipy import ndimage

        from nucseg_tf.inference.stages.values import Found
        from nucseg_tf.types import Instances

        labels, count = ndimage.label(predicted.raw > self.level)
        scores = np.linspace(0.5, 1, count).astype(np.float32)
        return Found(predicted.image, Instances(labels.astype(np.int32), scores))


@pytest.fixture
def model() -> Bright:
    return Bright()


@pytest.fixture
def form(make_napari_viewer, model, monkeypatch, qtbot):
    """The widget in a viewer, with that model in the place of all others."""
    from nucseg_tf.integrations.napari.form import PLUGIN, WIDGET
    from nucseg_tf.integrations.napari.models import Models

    monkeypatch.setattr(Models, "load", lambda self, *_: model)
    viewer = make_napari_viewer()
    _, form = viewer.window.add_plugin_dock_widget(PLUGIN, WIDGET)
    form.viewer_of_test = viewer
    form.wait_until = lambda so: qtbot.waitUntil(so, timeout=LIMIT)
    form.wait = lambda: form.wait_until(lambda: form._job is None)
    return form
