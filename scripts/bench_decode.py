"""Times what follows the network: `python scripts/bench_decode.py MODEL IMAGE...`.

Seconds of processor time a megapixel, on one thread and best of several rounds for each image: the
limits of intensity, the family's decoding, the measurements, and the whole stage `Decode`, which
does the latter two and finds the confidence. Compare figures of one run, for machines are noisy.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2

from nucseg_tf import load_model
from nucseg_tf.imaging.normalise import find_limits
from nucseg_tf.inference.measure import measure_instances
from nucseg_tf.inference.options import Options
from nucseg_tf.inference.stages.decode import Decode
from nucseg_tf.io.images import read_image


def best(work: Callable[[], Any], rounds: int) -> float:
    """The least processor time, s, of several rounds."""
    times = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


def main() -> None:
    """Print a line for each part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("images", type=Path, nargs="+")
    parser.add_argument("--diameter", default="native")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    segmenter = load_model(arguments.model)
    info, family = segmenter.info, segmenter.family
    stage = Decode(family, info.thresholds, info.diameter, info.confidence)
    seconds: Counter[str] = Counter()
    area, nuclei = 0.0, 0
    for file in arguments.images:
        pixels = read_image(file).pixels
        predicted = segmenter.predict_raw(pixels, Options(diameter=arguments.diameter))
        found, image = segmenter.decode(predicted), predicted.image
        parts: dict[str, Callable[[], Any]] = {
            "limits": lambda pixels=pixels: find_limits(pixels),
            "decoding": lambda predicted=predicted: segmenter.decode(predicted),
            "measurements": lambda image=image, found=found: measure_instances(image, found),
            "stage": lambda predicted=predicted: stage(predicted),
        }
        seconds.update({name: best(work, arguments.rounds) for name, work in parts.items()})
        area, nuclei = area + pixels.size / 1e6, nuclei + len(found.scores)
    print(f"{len(arguments.images)} images, {area:.2f} Mpx, {nuclei} nuclei; s/Mpx:")
    for name, total in seconds.items():
        print(f"{name:14s} {total / area:.4f}")


if __name__ == "__main__":
    main()
