"""Does it go by the true errors of fields which one is to be corrected next?

    python scripts/bench_order.py DATA [DATA ...] [--split val] [--model MODEL] [--corrected DATA]

labels the fields of data sets as the loop does, and prints Spearman's correlation of 1 - F1 (IoU
0.7) with `learn` and its parts, over all fields and by data set, with 90 % of 500 bootstraps; and
how often of two fields the one with more errors comes first. With --corrected, `new` is how unlike
the fields of that data set each one is.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from nucseg_tf.annotation.loop import learn
from nucseg_tf.annotation.prelabel.image import Settings, look
from nucseg_tf.data.fields import load_field
from nucseg_tf.data.manifest import find_fields
from nucseg_tf.evaluation.scores import score_image
from nucseg_tf.inference.segmenter import Segmenter, load_model

IOU = 0.7


def describe(segmenter: Segmenter, pixels: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    """Labels of a field, and what the loop knows of it; with the seconds of both views."""
    began = time.perf_counter()
    look(pixels, segmenter, Settings(agreement=0))
    once = time.perf_counter() - began
    labels, table, agreement = look(pixels, segmenter, Settings(agreement=1))
    twice = time.perf_counter() - began - once
    right = table["score" if segmenter.info.confidence is not None else "confidence"]
    known = learn.describe(pixels, table, right, agreement)
    return labels, known | {"seconds": (once, twice)}


def read(segmenter: Segmenter, data: Path, split: str) -> list[dict[str, Any]]:
    """What is known of the fields of a data set, and their errors."""
    rows = []
    for field in find_fields(data):
        if split and field.split != split:
            continue
        pixels, truth = load_field(field)
        labels, known = describe(segmenter, pixels)
        error = 1 - score_image(truth, labels, (IOU,)).counts[f"{IOU:.2f}"].f1
        rows.append(known | {"error": error, "key": str(field.image)})
        print(f"{field.image.name}: error {error:.3f}", flush=True)
    return rows


def report(name: str, values: np.ndarray, errors: np.ndarray) -> None:
    """Print how well values go by errors."""
    generator = np.random.default_rng(0)
    draws = [generator.choice(len(errors), len(errors)) for _ in range(500)]
    low, high = np.nanpercentile([spearmanr(values[d], errors[d])[0] for d in draws], (5, 95))
    more, less = np.where(errors[:, None] > errors)
    first = np.mean((values[more] > values[less]) + 0.5 * (values[more] == values[less]))
    rho = spearmanr(values, errors)[0]
    print(f"  {name:8} {rho:5.2f} ({low:.2f} to {high:.2f}), of two the worse first: {first:.0%}")


def main() -> None:
    """See the module docstring."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--split", default="")
    parser.add_argument("--model", default="fpn2ws-nuclei")
    parser.add_argument("--corrected", type=Path)
    args = parser.parse_args()
    segmenter = load_model(args.model)
    near = read(segmenter, args.corrected, "train") if args.corrected else []
    corrected = [row["features"] for row in near]
    sets = {str(data): read(segmenter, data, args.split) for data in args.data}
    sets["all"] = [row for rows in sets.values() for row in rows]
    for name, rows in sets.items():
        tell(name, rows, corrected)


def tell(name: str, rows: list[dict[str, Any]], corrected: list[list[float]]) -> None:
    """Print what there is to say of a data set."""
    errors = np.array([row["error"] for row in rows])
    fields = {str(number): row for number, row in enumerate(rows)}
    values = np.array([one.value for one in learn.judge(fields, corrected).values()])
    without = np.array([one.value for one in learn.judge(fields, []).values()])
    once, twice = np.sum([row["seconds"] for row in rows], axis=0)
    print(f"{name}: {len(rows)} fields, mean error {errors.mean():.3f}")
    print(f"  {once:.0f} s; with the mirrored view {twice:.0f} s")
    report("learn", values, errors)
    for part in ("wrong", "unsure"):
        report(part, np.array([row[part] / max(1, row["nuclei"]) for row in rows]), errors)
    if corrected:
        report("new", values - without, errors)


if __name__ == "__main__":
    main()
