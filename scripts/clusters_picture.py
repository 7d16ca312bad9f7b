"""Makes docs/clusters.png: `make clusters-picture`.

A simulated plate of 1 x 3 wells; Fractal's task is called for each image as the server does, and
image and labels are read by ngio.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import ngio
import numpy as np
from PIL import Image

import nucseg_tf
from nucseg_tf.io.pictures import display_grey, draw_outlines

PACKAGE = Path(nucseg_tf.__file__).parent
GAP = 8  # px, white
COLOURS = 128


def main() -> None:
    """Write the picture to the path that is given."""
    manifest = json.loads((PACKAGE / "__FRACTAL_MANIFEST__.json").read_text())
    program = PACKAGE / manifest["task_list"][0]["executable_parallel"]
    with tempfile.TemporaryDirectory() as name:
        flags = ["--plate", "1x3", "--layout", "zarr", "--size", "320x320", "--out", name]
        subprocess.run([sys.executable, "-m", "nucseg_tf", "simulate", *flags], check=True)
        parts: list[np.ndarray] = []
        for place in sorted(next(Path(name).glob("*.zarr")).glob("A/*/0")):
            given, result = place.with_suffix(".json"), place.with_suffix(".out.json")
            given.write_text(json.dumps({"zarr_url": str(place), "channel": "DAPI"}))
            task = [sys.executable, program, "--args-json", given, "--out-json", result]
            subprocess.run(task, check=True)
            container = ngio.open_ome_zarr_container(place)
            pixels = container.get_image().get_as_numpy(channel_selection="DAPI").squeeze()
            labels = container.get_label("nuclei").get_as_numpy().squeeze()
            parts += [draw_outlines(display_grey(pixels), labels.astype(np.int32))]
            parts += [np.full((len(pixels), GAP, 3), 255, np.uint8)]
    picture = Image.fromarray(np.hstack(parts[:-1])).quantize(COLOURS)
    picture.save(sys.argv[1], optimize=True)


if __name__ == "__main__":
    main()
