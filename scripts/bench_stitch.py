"""Times stitching: `python scripts/bench_stitch.py`.

Seconds a megapixel of fields with 2000 nuclei a megapixel, found in tiles of 512 px that overlap
by 128 px; 50 Mpx hold 100,000 nuclei. Best of three.
"""

from __future__ import annotations

import itertools
import time

import numpy as np

from nucseg_tf.families.mask_rcnn.stitch import Detections, stitch
from nucseg_tf.imaging.window import Window

SIDES = (1024, 3162, 7072)  # px; 1, 10 and 50 Mpx
TILE, STEP, CELLS = 512, 384, 28
SPACING, RADIUS = 22.36, 9.0  # px; nuclei lie in a regular grid, a little displaced
ROUNDS = 3


def field(side: int) -> list[Detections]:
    """Detections of all tiles of a field of discs, those cut by edges of tiles included."""
    rng = np.random.default_rng(0)
    lattice = np.arange(SPACING / 2, side, SPACING)
    y, x = (axis.ravel() + rng.uniform(-2, 2, axis.size) for axis in np.meshgrid(lattice, lattice))
    starts = [*range(0, side - TILE, STEP), side - TILE]
    return [discs_in(y, x, (top, left), rng) for top, left in itertools.product(starts, starts)]


def discs_in(
    y: np.ndarray, x: np.ndarray, origin: tuple[int, int], rng: np.random.Generator
) -> Detections:
    """What a tile shows of the discs with centres y, x."""
    top, left = origin
    y0, y1 = (np.clip(y + side, top, top + TILE) for side in (-RADIUS, RADIUS))
    x0, x1 = (np.clip(x + side, left, left + TILE) for side in (-RADIUS, RADIUS))
    seen = (y1 - y0 > 1) & (x1 - x0 > 1)
    y, x, y0, x0, y1, x1 = (values[seen][:, None] for values in (y, x, y0, x0, y1, x1))
    centres = (np.arange(CELLS) + 0.5) / CELLS
    dy, dx = y0 + (y1 - y0) * centres - y, x0 + (x1 - x0) * centres - x
    distance = np.hypot(dy[:, :, None], dx[:, None, :])
    return Detections(
        boxes=np.hstack([y0, x0, y1, x1]).astype(np.float32),
        scores=rng.uniform(0.5, 1, len(y)).astype(np.float32),
        masks=np.clip(RADIUS + 0.5 - distance, 0, 1).astype(np.float32),
        tile=(top, left, top + TILE, left + TILE),
    )


def main() -> None:
    """Print a line for each size of field."""
    for side in SIDES:
        parts = field(side)
        times = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            count = len(stitch(parts, Window.whole((side, side)), same=0.5).scores)
            times.append(time.perf_counter() - began)
        area, found = side**2 / 1e6, sum(len(part.scores) for part in parts)
        print(
            f"{area:5.1f} Mpx {found:7d} detections -> {count:7d} nuclei "
            f"{min(times):7.2f} s {min(times) / area:8.4f} s/Mpx",
            flush=True,
        )


if __name__ == "__main__":
    main()
