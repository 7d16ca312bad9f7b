"""Draws docs/export.png: `make export-picture`.

A drawn field, its nuclei by nucseg_tf, and by examples/decode_numpy.py from the exported network.
Prints how far both agree.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from decode_numpy import decode, see
from onnxruntime import InferenceSession
from PIL import Image

from nucseg_tf import load_model
from nucseg_tf.io.pictures import display_grey, draw_outlines
from nucseg_tf.models.export.sample import draw_sample

SIDE = 320  # px
GAP = 8  # px, white


def by_example(file: Path, field: np.ndarray) -> np.ndarray:
    """Labels (H, W) of a field, by the example."""
    session = InferenceSession(file)
    said = session.get_modelmeta().custom_metadata_map
    about = {key: json.loads(said[key]) for key in ("normalisation", "tiles", "thresholds")}
    return decode(see(session, about, field), about["thresholds"])


def overlaps(ours: np.ndarray, others: np.ndarray) -> np.ndarray:
    """IoU of each nucleus of ours with the one that covers most of it."""
    found = []
    for value in range(1, ours.max() + 1):
        inside = np.bincount(others[ours == value], minlength=2)
        most = 1 + inside[1:].argmax()
        found.append(inside[most] / np.count_nonzero((ours == value) | (others == most)))
    return np.array(found)


def main() -> None:
    """Write the picture, and print what both give."""
    network, out = map(Path, sys.argv[1:])
    model = load_model("fpn2ws-nuclei", precision="f32")
    field, _ = draw_sample(SIDE, model.info.diameter, 3)
    ours = model.predict(field, diameter="native")
    others = by_example(network, field)
    shared = overlaps(ours, others)
    print(f"{ours.max()} and {others.max()} nuclei, IoU {shared.min():.4f} to {shared.max():.4f}")
    grey = display_grey(field)
    plain = np.repeat(grey[..., None], 3, axis=2)
    white = np.full((SIDE, GAP, 3), 255, np.uint8)
    found = [draw_outlines(grey, labels) for labels in (ours, others)]
    picture = np.hstack([plain, white, found[0], white, found[1]])
    Image.fromarray(picture).quantize(128).save(out, optimize=True)  # a third of the bytes


if __name__ == "__main__":
    main()
