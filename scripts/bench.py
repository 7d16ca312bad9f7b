"""Times prediction by image size: `python scripts/bench.py [MODEL]`."""

from __future__ import annotations

import sys
import time

import numpy as np

from nucseg_tf import load_model
from nucseg_tf.inference.predict import backend_device

SIDES = (256, 512, 1024, 2048)
REPEATS = 3


def main(name: str) -> None:
    """Print seconds per image, the fastest of `REPEATS` after one to warm up."""
    began = time.perf_counter()
    segmenter = load_model(name)
    print(f"{name} on {backend_device()}: loaded in {time.perf_counter() - began:.1f} s")
    generator = np.random.default_rng(1)
    for side in SIDES:
        image = generator.integers(0, 4096, (side, side), np.uint16)
        seconds = []
        for _ in range(REPEATS + 1):
            began = time.perf_counter()
            segmenter.predict_maps(image)
            seconds.append(time.perf_counter() - began)
        print(f"{side:>5} x {side:<5} {min(seconds[1:]):8.3f} s (maps, without watershed)")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "fpn2ws-nuclei")
