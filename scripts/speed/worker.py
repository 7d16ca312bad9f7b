"""nucseg_tf by stage, in a process of its own: `-m speed.worker IMAGES --out DIR --times FILE`.

Stages are called one after another, whatever `nucseg predict` does with them; so this says what
each costs, and the whole process says what is gained by letting them overlap.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nucseg_tf import load_model
from nucseg_tf.inference.options import Options
from nucseg_tf.inference.stages.measure import Measure
from nucseg_tf.inference.stages.read import Read
from nucseg_tf.inference.stages.write import Write
from nucseg_tf.io.images import list_images

NAMES = ("read", "scale", "network", "decode", "measure", "write")


def pass_along(stages: Sequence[Any], file: Path, times: dict[str, dict[str, float]]) -> list[Any]:
    """Send a file along the stages, and add what each took; all values on the way."""
    values: list[Any] = [file]
    for name, stage in zip(NAMES, stages, strict=True):
        wall, processor = time.perf_counter(), time.process_time()
        values.append(stage(values[-1]))
        times[name]["wall_s"] += time.perf_counter() - wall
        times[name]["cpu_s"] += time.process_time() - processor
    return values


def none_yet() -> dict[str, dict[str, float]]:
    """Times of all stages, 0."""
    return {name: {"wall_s": 0.0, "cpu_s": 0.0} for name in NAMES}


def main() -> None:
    """Write the times of all stages over a folder, its first image once before."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--times", type=Path, required=True)
    parser.add_argument("--model", default="fpn2ws-nuclei")
    parser.add_argument("--macs", action="store_true", help="count multiply-adds instead")
    arguments = parser.parse_args()
    segmenter = load_model(arguments.model)
    if arguments.macs:
        from speed.limit import macs_per_mpx

        arguments.times.write_text(json.dumps({"macs_per_mpx": macs_per_mpx(segmenter)}))
        return
    arguments.out.mkdir(parents=True)
    options = Options()
    stages = (Read(options), *segmenter.stages(options), Measure(), Write(arguments.out))
    files = list_images([arguments.images])
    pass_along(stages, files[0], none_yet())
    times, pixels, seen, nuclei = none_yet(), 0, 0, 0
    for file in files:
        _, image, scaled, *_, measured, _ = pass_along(stages, file, times)
        pixels += image.pixels.size
        rasters = (scaled.pixels, *(level.data for level in scaled.further))
        seen += sum(math.prod(raster.shape) for raster in rasters if raster is not None)
        nuclei += int(measured.instances.labels.max())
    found = {"mpx": pixels / 1e6, "network_mpx": seen / 1e6, "nuclei": nuclei, "stages": times}
    arguments.times.write_text(json.dumps({"images": len(files)} | found))


if __name__ == "__main__":
    main()
