"""Runs another tool on images, in that tool's own Python, which needs NumPy and tifffile besides.

    PYTHON drive.py JOB.json

JOB holds `peer` (there is a NAME_peer.py beside this file), `weights` (a path; null: the default),
`images` (by name [TIFF of one plane, pixel size in µm or null]), `todo` (by name the label image to
be written) and `timed` (names). Standard output gets one JSON object a line: {"image", "reason",
"seconds"} of each of `todo`, then {"cost"}; or {"error"} where the tool cannot be used at all.
Whatever the tool prints goes to standard error.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

TEXT = 300  # characters of a line


def main() -> None:
    """Load, predict, time."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def send(**message: Any) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    began = time.perf_counter()
    try:
        module = importlib.import_module(f"{job['peer']}_peer")
    except Exception as error:  # whatever is wrong with what is installed
        send(error="import", text=_text(error))
        return
    try:
        predict, about = module.load(job["weights"])
    except Exception as error:  # of the network, of a cache, of a file: they all raise their own
        send(error="weights", text=_text(error))
        return
    loading = time.perf_counter() - began
    for name, target in job["todo"].items():
        file, pixel_size = job["images"][name]
        send(image=name, **_predict(predict, file, pixel_size, Path(target)))
    send(cost=_time(predict, job) | {"loading_s": loading} | about)


def _predict(predict: Any, file: str, pixel_size: float | None, target: Path) -> dict[str, Any]:
    try:
        pixels = tifffile.imread(file)
        began = time.perf_counter()
        labels = np.asarray(predict(pixels, pixel_size))
        seconds = time.perf_counter() - began
        if labels.shape != pixels.shape:
            raise ValueError(f"labels of shape {labels.shape} of an image of {pixels.shape}")
        temporary = target.with_name(f".{target.stem[:40]}-{uuid.uuid4().hex[:8]}.tif")
        tifffile.imwrite(temporary, labels.astype(np.int32), compression="zlib")
        temporary.replace(target)
    except Exception as error:  # one image is no reason to give up the others
        return {"reason": _text(error), "seconds": None}
    return {"reason": "", "seconds": seconds}


def _time(predict: Any, job: dict[str, Any]) -> dict[str, Any]:
    """As of our own models: predicted twice in a row, the second call counts; pixels to labels."""
    seconds, pixels, count = 0.0, 0, 0
    for name in job["timed"]:
        file, pixel_size = job["images"][name]
        try:
            image = tifffile.imread(file)
            predict(image, pixel_size)
            began = time.perf_counter()
            predict(image, pixel_size)
        except Exception:  # was reported as a failure
            continue
        seconds += time.perf_counter() - began
        pixels += image.size
        count += 1
    found = {"seconds": seconds, "mpx": pixels / 1e6, "images": count}
    return {**found, "memory_mb": _peak_memory(), "gpu_memory_mb": None}


def _peak_memory() -> float | None:
    """Largest resident memory of this process so far, MB of 2^20 bytes; None where not known."""
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.is_file() else None
    if found:
        return int(found[1]) / 1024
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def _text(error: Exception) -> str:
    """One line of an error: its first, and its last, where TorchScript has the cause."""
    lines = f"{type(error).__name__}: {error}".strip().split("\n")
    return " ... ".join(line.strip()[:TEXT] for line in dict.fromkeys((lines[0], lines[-1])))


if __name__ == "__main__":
    main()
