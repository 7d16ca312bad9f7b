"""Times prediction by field size: `python scripts/bench.py [--model NAME] [--json]`.

The fields are mosaics of a real one (mahotas' nuclear image). Each size runs in a process of its
own, so that its peak memory is its own; times are of everything after loading: normalisation,
network, decoding, measurement, files. Machines differ and are noisy: compare figures of one run.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SIDES = (512, 1024, 2048, 4096)


def one(model: str, side: int, tile: int | None) -> dict[str, float]:
    """Predict a field of `side` px twice; seconds of the second, without tracing the network."""
    import mahotas
    import numpy as np

    from nucseg_tf import load_model
    from nucseg_tf.inference.options import Options
    from nucseg_tf.inference.stages.measure import Measure
    from nucseg_tf.inference.stages.write import Write
    from nucseg_tf.io.images import read_image
    from nucseg_tf.types import Image

    file = Path(mahotas.__file__).parent / "demos" / "data" / "nuclear.png"
    field = read_image(file).pixels
    repeats = [-(-side // length) for length in field.shape]
    mosaic = np.ascontiguousarray(np.tile(field, repeats)[:side, :side])
    began = time.perf_counter()
    segmenter = load_model(model)
    result = {"side": side, "load_s": time.perf_counter() - began}
    image, options = Image(mosaic, None, file), Options(tile=tile)
    with tempfile.TemporaryDirectory() as out:
        for name in ("first_s", "s"):
            began = time.perf_counter()
            value: Any = image
            for stage in (*segmenter.stages(options), Measure(), Write(Path(out))):
                value = stage(value)
            result[name] = time.perf_counter() - began
    began = time.perf_counter()
    segmenter.predict_raw(mosaic, options)
    result["network_s"] = time.perf_counter() - began
    megapixels = side * side / 1e6
    result["s_per_mpx"] = result["s"] / megapixels
    result["network_s_per_mpx"] = result["network_s"] / megapixels
    result["nuclei"] = len(value.table)
    result["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return result


def main() -> None:
    """Print a line for each size, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="fpn2ws-nuclei")
    parser.add_argument("--tile", type=int)
    parser.add_argument("--sides", type=int, nargs="+", default=SIDES)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(one(arguments.model, arguments.one, arguments.tile)))
        return
    rows = []
    for side in arguments.sides:
        command = [sys.executable, __file__, "--model", arguments.model, "--one", str(side)]
        command += ["--tile", str(arguments.tile)] if arguments.tile else []
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        rows.append(json.loads(output.splitlines()[-1]))
        if not arguments.json:
            print("  ".join(f"{key} {value:.4g}" for key, value in rows[-1].items()), flush=True)
    if arguments.json:
        print(json.dumps({str(row["side"]): row for row in rows}))


if __name__ == "__main__":
    main()
