"""Times measuring nuclei: `python scripts/bench_measure.py`.

Processor time a megapixel, on one thread and best of several rounds, of a drawn field: without an
image, and with one channel and several; and of scikit-image's `regionprops_table` for the same
columns, with rings from its `expand_labels`. The ratios of one run are worth comparing, for
machines are noisy.
"""

from __future__ import annotations

import argparse

import cv2
import numpy as np
from bench_decode import best
from skimage.measure import regionprops_table
from skimage.segmentation import expand_labels

from nucseg_tf.inference.measure import Ring, measure_columns

RING = Ring()
SHAPE = (
    *("label", "area", "centroid", "bbox", "eccentricity", "solidity", "perimeter"),
    *("axis_major_length", "axis_minor_length", "orientation", "feret_diameter_max"),
)
INTENSITY = ("intensity_mean", "intensity_std", "intensity_min", "intensity_max")


def total(mask: np.ndarray, image: np.ndarray) -> float:
    """Sum of the pixels of a nucleus."""
    return float(image[mask].sum(dtype=float))


def median(mask: np.ndarray, image: np.ndarray) -> float:
    """Median of the pixels of a nucleus."""
    return float(np.median(image[mask]))


def rival(labels: np.ndarray, channels: dict[str, np.ndarray]) -> None:
    """Columns as those of `measure_columns`, but for the neighbours."""
    regionprops_table(labels, properties=SHAPE)
    if channels:
        near = expand_labels(labels, RING.gap)
        rings = np.where(near > 0, 0, expand_labels(labels, RING.reach))
    for image in channels.values():
        regionprops_table(labels, image, properties=INTENSITY, extra_properties=(total, median))
        regionprops_table(rings, image, properties=INTENSITY[:1], extra_properties=(median,))


def draw(side: int, diameter: int) -> np.ndarray:
    """Labels of a square field: turned ellipses, some of which touch."""
    rng = np.random.default_rng(0)
    labels = np.zeros((side, side), np.int32)
    places = range(diameter // 2, side, round(1.3 * diameter))
    for number, (y, x) in enumerate(((y, x) for y in places for x in places), start=1):
        push = diameter // 5
        middle = (rng.integers(x - push, x + push + 1), rng.integers(y - push, y + push + 1))
        axes = rng.integers(round(0.35 * diameter), round(0.6 * diameter), 2)
        turn = float(rng.uniform(0, 180))
        cv2.ellipse(labels, [*map(int, middle)], axes.tolist(), turn, 0, 360, number, -1)
    return labels


def main() -> None:
    """Print a line for each number of channels."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=2048, help="px, of the field")
    parser.add_argument("--diameter", type=int, default=28, help="px, of the nuclei")
    parser.add_argument("--channels", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    labels = draw(arguments.side, arguments.diameter)
    rng = np.random.default_rng(1)
    images = {
        f"c{number}": rng.integers(0, 60000, labels.shape).astype(np.uint16)
        for number in range(arguments.channels)
    }
    area, nuclei = labels.size / 1e6, len(np.unique(labels)) - 1
    print(f"{area:.2f} Mpx, {nuclei} nuclei, {(labels > 0).mean():.0%} of the pixels")
    print("channels  ms/Mpx  regionprops_table, ms/Mpx  ratio")
    for count in sorted({0, 1, arguments.channels}):
        chosen = dict(list(images.items())[:count])
        ours, theirs = (
            best(lambda work=work, chosen=chosen: work(labels, chosen), rounds) * 1e3 / area
            for work, rounds in ((measure_columns, arguments.rounds), (rival, 1))
        )
        print(f"{count:8d}  {ours:6.1f}  {theirs:25.0f}  {theirs / ours:5.0f}")


if __name__ == "__main__":
    main()
