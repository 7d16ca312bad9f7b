"""How good a click with the magic tool is: `python scripts/bench_clicks.py DATA [--model M]`.

Nuclei that the model misses, or that it finds and somebody has deleted, are clicked in the middle;
all other nuclei have their true labels. Says the share whose outline has an IoU of 0.5 and of 0.7
with the truth or more, by the model and by the light alone, and the time of a first click (its
window is computed) and of one nearby. `--side PX` tiles each field to that side, for the time.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from scipy.ndimage import distance_transform_edt

from nucseg_tf.annotation.magic.look import Look, look_by_light, look_by_model
from nucseg_tf.data.fields import load_field
from nucseg_tf.data.manifest import find_fields
from nucseg_tf.evaluation.matching import best_iou
from nucseg_tf.imaging.window import Window
from nucseg_tf.inference.segmenter import Segmenter, load_model
from nucseg_tf.inference.stages.values import Predicted
from nucseg_tf.inference.windows import Survey, predict_window, survey
from nucseg_tf.io.boxes import Box, find_nuclei, slices

FOUND = 0.5  # IoU with the truth of a nucleus that is not missed


def main() -> None:
    """Click, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="fpn2ws-nuclei")
    parser.add_argument("--clicks", type=int, default=8, help="of each kind a field")
    parser.add_argument("--every", type=int, default=1, help="take every so many-th field")
    parser.add_argument("--side", type=int, help="px")
    options = parser.parse_args()
    segmenter = load_model(options.model)
    rows: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    for number, field in enumerate(find_fields(options.data)[:: options.every]):
        image, truth = load_field(field)
        found = best_iou(truth, segmenter.predict(image)) >= FOUND
        if options.side:
            image, truth = tiled(image, options.side), tiled(truth, options.side, truth.max())
        click_field(segmenter, image, truth, found, options.clicks, number, rows)
    for kind, values in rows.items():
        report(kind, np.array(values))


def tiled(pixels: np.ndarray, side: int, step: int = 0) -> np.ndarray:
    """Copies of an image beside each other, cut to a square; labels grow by `step` from each on."""
    down, across = (-(-side // length) for length in pixels.shape)
    rows = [
        [pixels + step * (i * across + j) * (pixels > 0) for j in range(across)]
        for i in range(down)
    ]
    return np.block(rows)[:side, :side].astype(np.int32 if step else pixels.dtype)


def click_field(
    segmenter: Segmenter,
    image: np.ndarray,
    truth: np.ndarray,
    found: np.ndarray,
    clicks: int,
    seed: int,
    rows: dict[str, list[tuple[float, ...]]],
) -> None:
    """Click nuclei of a field, and add a row of figures for each.

    Args:
        segmenter: the model.
        image: (H, W).
        truth: (H, W), its labels.
        found: (N,) bool, which of the first N labels the model finds.
        clicks: of each kind.
        seed: of their choice.
        rows: by kind, where figures go: ms of a first click and a nearby one, IoU by model and by
            light.
    """
    whole = survey(segmenter, image)
    nuclei = find_nuclei(truth)
    labels = np.array(sorted(nuclei))[: len(found)]  # of the first copy, where there are several
    rng = np.random.default_rng(seed)
    kept: dict[Window, Predicted] = {}

    def predict(model: Segmenter, pixels: np.ndarray, window: Window, seen: Survey) -> Predicted:
        kept[window] = kept.get(window) or predict_window(model, pixels, window, seen)
        return kept[window]

    for kind, those in (("missed", labels[~found]), ("deleted", labels[found])):
        for label in rng.permutation(those)[:clicks]:
            place = innermost(truth, label, nuclei[label].box)
            kept.clear()
            figures: list[float] = []
            for _ in ("first", "nearby"):
                start = time.perf_counter()
                look = look_by_model(image, place, segmenter, whole, predict)
                outline = outlined(look, truth, label)
                figures.append(1000 * (time.perf_counter() - start))
            light = look_by_light(image, place, whole.diameter)
            for each, mask in ((look, outline), (light, outlined(light, truth, label))):
                true = truth[slices(each.box)] == label
                both = int((true & mask).sum())
                figures.append(both / (nuclei[label].area + int(mask.sum()) - both))
            rows[kind].append(tuple(figures))


def innermost(truth: np.ndarray, label: int, box: Box) -> tuple[int, int]:
    """Row and column of the pixel of a nucleus that is furthest from its edge."""
    away = distance_transform_edt(np.pad(truth[slices(box)] == label, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(away.argmax()), away.shape)
    return box[0] + int(row), box[1] + int(column)


def outlined(look: Look, truth: np.ndarray, label: int) -> np.ndarray:
    """What a click makes, (h, w) bool, where all other nuclei have their true labels."""
    inside = truth[slices(look.box)]
    outline = look.outline((inside > 0) & (inside != label))
    return np.zeros(inside.shape, bool) if outline is None else outline


def report(kind: str, figures: np.ndarray) -> None:
    """Print the figures (N, 4): ms of a first click and a nearby one, IoU by model and by light."""
    times = [f"{np.median(ms):.0f} ms (p95 {np.percentile(ms, 95):.0f})" for ms in figures.T[:2]]
    shares = [f"{(iou >= 0.5).mean():.3f} / {(iou >= 0.7).mean():.3f}" for iou in figures.T[2:]]
    print(f"{kind}: {len(figures)} clicks; IoU >= 0.5 / 0.7: model {shares[0]}, light {shares[1]}")
    print(f"  first click {times[0]}, one nearby {times[1]}")


if __name__ == "__main__":
    main()
