"""Compares engines and precisions on annotated fields: `python scripts/compare_engines.py DATA...`.

Each image goes through all of them in turn, in one process, so that what else the machine does
weighs on all alike. For each it prints AP (mean over images) at IoU 0.5 and 0.7, how many nuclei
are not pixel by pixel those of the first, and the time of the network (scale and decoding left out)
as a ratio to the first: wall clock, and time of the processor, which a busy machine changes less.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

from nucseg_tf import load_model
from nucseg_tf.data.fields import load_field
from nucseg_tf.data.manifest import find_fields
from nucseg_tf.evaluation.scores import score_image, summarise
from nucseg_tf.inference.options import Options
from nucseg_tf.inference.segmenter import ARRAY, Segmenter
from nucseg_tf.inference.stages.scale import Scale
from nucseg_tf.inference.stages.values import Predicted, Scaled
from nucseg_tf.types import Image

THRESHOLDS = (0.5, 0.7)
DEFAULT = ("keras:f32", "openvino:f32", "openvino:bf16")


def different(first: np.ndarray, second: np.ndarray) -> int:
    """Nuclei of either label image (H, W) that have no equal in the other."""
    pairs, counts = np.unique(np.stack([first.ravel(), second.ravel()]), axis=1, return_counts=True)
    areas = [np.bincount(labels.ravel()) for labels in (first, second)]
    whole = (counts == areas[0][pairs[0]]) & (counts == areas[1][pairs[1]]) & (pairs > 0).all(0)
    return max(int(labels.max()) for labels in (first, second)) - int(whole.sum())


def timed(segmenter: Segmenter, scaled: Scaled, times: Counter, name: str) -> Predicted:
    """What the network gives of a scaled image."""
    network = segmenter.stages(Options())[1]
    wall, processor = time.perf_counter(), time.process_time()
    predicted = network(scaled)
    times[name, "wall"] += time.perf_counter() - wall
    times[name, "cpu"] += time.process_time() - processor
    return predicted


def compare(data: Path, model: str, names: tuple[str, ...], every: int) -> dict:
    """All figures of one data set, by engine."""
    segmenters = {}
    for name in names:
        engine, _, precision = name.partition(":")
        segmenters[name] = load_model(model, engine=engine, precision=precision or "auto")
    warm = np.random.default_rng(0).random((256, 256))
    for segmenter in segmenters.values():
        segmenter.predict(warm)
    times: Counter = Counter()
    scores: dict[str, list] = {name: [] for name in names}
    changed: Counter = Counter()
    nuclei, megapixels = 0, 0.0
    for number, field in enumerate(find_fields(data)[::every]):
        pixels, truth = load_field(field)
        scaled = Scale(segmenters[names[0]].info, Options())(Image(pixels, None, ARRAY))
        labels = {}
        for name, segmenter in segmenters.items():
            predicted = timed(segmenter, scaled, times, name)
            labels[name] = segmenter.decode(predicted).labels
            difference = different(labels[names[0]], labels[name])
            changed[name] += difference
            same = difference == 0 and scores[names[0]][number:]  # decoding and scoring take long
            scores[name] += same or [score_image(truth, labels[name], THRESHOLDS)]
        print(number, field.name, dict(changed), file=sys.stderr, flush=True)
        nuclei += int(labels[names[0]].max())
        megapixels += math.prod(scaled.pixels.shape) / 1e6
    return {
        "data": str(data),
        "model": model,
        "nuclei": nuclei,
        "mpx": round(megapixels, 2),
        "engines": {
            name: {
                **{
                    f"ap{key}": round(row["mean_ap"], 4)
                    for key, row in summarise(scores[name])["thresholds"].items()
                },
                "changed": changed[name],
                **{
                    f"{kind}_ratio": round(times[name, kind] / times[names[0], kind], 3)
                    for kind in ("wall", "cpu")
                },
                "cpu_s_per_mpx": round(times[name, "cpu"] / megapixels, 3),
            }
            for name in names
        },
    }


def main() -> None:
    """Print a JSON object for each data set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="+", help="folders of images/ and masks/")
    parser.add_argument("--model", default="fpn2ws-nuclei")
    parser.add_argument("--engines", nargs="+", default=DEFAULT, help="ENGINE:PRECISION")
    parser.add_argument("--every", type=int, default=1, help="take every n-th image")
    arguments = parser.parse_args()
    for data in arguments.data:
        result = compare(data, arguments.model, tuple(arguments.engines), arguments.every)
        print(json.dumps(result, indent=1), flush=True)


if __name__ == "__main__":
    main()
