"""Draws docs/qupath.png: GeoJSON as `nucseg predict --geojson` writes it, over a simulated field.

python scripts/qupath_picture.py OUT.png
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import PolyCollection
from PIL import Image

from nucseg_tf.commands.predict import predict
from nucseg_tf.commands.simulate import simulate

COLOURS = 64


def main() -> None:
    """Write the picture to the path that is given."""
    with tempfile.TemporaryDirectory() as folder:
        data, results = Path(folder) / "data", Path(folder) / "results"
        simulate(out=data, cell_line="U2OS", size="360x560", seed=3)
        (file,) = (data / "images").rglob("*.tif")
        predict(file, out=results, geojson=True)
        features = json.loads((results / f"{file.stem}.geojson").read_text())["features"]
        image = plt.imread(file)
    rings = [np.array(f["geometry"]["coordinates"][0]) for f in features]
    scores = [f["properties"]["measurements"]["score"] for f in features]
    figure, axes = plt.subplots(figsize=(8, 4.6), dpi=110, layout="constrained")
    axes.imshow(image, cmap="gray", vmax=np.percentile(image, 99.7), extent=(0, 560, 360, 0))
    outlines = PolyCollection(
        rings, facecolors="none", array=scores, cmap="viridis", linewidths=1.4
    )
    outlines.set_clim(0.9, 1)
    axes.add_collection(outlines)
    figure.colorbar(outlines, label="measurement “score”", shrink=0.8)
    axes.set_axis_off()
    with io.BytesIO() as file:
        figure.savefig(file)
        Image.open(file).convert("RGB").quantize(COLOURS).save(sys.argv[1], optimize=True)


if __name__ == "__main__":
    main()
