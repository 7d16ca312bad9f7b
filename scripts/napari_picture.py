"""Makes docs/napari.png: a real napari with a simulated field, its nuclei, and the widget.

make napari-picture
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import napari
from PIL import Image
from qtpy.QtWidgets import QApplication

from nucseg_tf.integrations.napari.colours import colours_of
from nucseg_tf.integrations.napari.form import PLUGIN, WIDGET

SIZE = (1240, 780)  # px, of the window
LIMIT = 600  # s
COLOURS = 256
ZOOM = 1.35  # px of the picture a µm


def main() -> None:
    """Write the picture to the path that is given."""
    viewer = napari.Viewer(show=True)
    viewer.window.resize(*SIZE)
    viewer.open_sample(PLUGIN, "field")
    _, form = viewer.window.add_plugin_dock_widget(PLUGIN, WIDGET)
    form.begin()
    _wait(lambda: form.run.enabled)
    labels = viewer.layers[-1]
    labels.colormap = colours_of(labels.features, "confidence")
    labels.opacity = 0.5
    viewer.scene.camera.zoom = ZOOM
    shown = time.monotonic()
    _wait(lambda: time.monotonic() > shown + 2)
    picture = Image.fromarray(viewer.screenshot(canvas_only=False, flash=False)).convert("RGB")
    picture.quantize(COLOURS).save(sys.argv[1], optimize=True)  # a third of the bytes
    viewer.close()


def _wait(is_over: Callable[[], bool]) -> None:
    """Let the window live until something is so; TimeoutError if it never is."""
    end = time.monotonic() + LIMIT
    while not is_over():
        if time.monotonic() > end:
            raise TimeoutError(f"not over within {LIMIT} s")
        QApplication.processEvents()
        time.sleep(0.01)


if __name__ == "__main__":
    main()
