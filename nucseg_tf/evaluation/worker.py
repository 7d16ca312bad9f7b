"""The process that predicts for a benchmark: its memory and time are those of one model.

Nothing here imports TensorFlow, which another engine may do without.
"""

from __future__ import annotations

import functools
import logging
import re
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nucseg_tf.errors import NucsegError
from nucseg_tf.io.labels import write_labels
from nucseg_tf.types import Image

if TYPE_CHECKING:
    from nucseg_tf.inference.segmenter import Segmenter
    from nucseg_tf.inference.stages.values import Found

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """What one process does.

    Attributes:
        folder: for the label images.
        model: model folder.
        todo: files of the images to predict, by name.
        timed: files of the images to time.
        options: of `inference.options.Options`.
        loading: engine, precision and device, of `inference.segmenter.load_model`.
    """

    folder: Path
    model: Path
    todo: dict[str, Path]
    timed: Sequence[Path]
    options: Mapping[str, Any]
    loading: Mapping[str, Any] = field(default_factory=dict)


def labels_file(folder: Path, name: str) -> Path:
    """Where the label image of an image is kept."""
    return folder / f"{name}_labels.tif"


def work(job: Job, connection: Connection) -> None:
    """Predict and time, and send ("image", name, reason of failure or ""), then ("cost", cost).

    Where the model cannot be used at all, ("error", exception) is sent. Only the process at the
    other end of the connection stops this one.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    try:
        from nucseg_tf.inference.segmenter import load_model

        began = time.perf_counter()
        segmenter = load_model(job.model, **job.loading)
        loading = time.perf_counter() - began
        predict_images(segmenter, job, connection.send)
        connection.send(("cost", measure_cost(segmenter, job) | {"loading_s": loading}))
    except NucsegError as error:
        connection.send(("error", error))


def predict_images(segmenter: Segmenter, job: Job, send: Callable[[tuple], None]) -> None:
    """Predict and write the images of a job, and send ("image", name, reason of failure or "")."""
    from nucseg_tf.inference.options import Options
    from nucseg_tf.inference.runner import Stage, run
    from nucseg_tf.inference.stages.read import Read

    options = Options(**job.options)
    options = replace(options, invert=segmenter.inverts(options.invert))
    segmenter.check(options)
    stages: list[Stage] = [Read(options), *segmenter.stages(options)]
    for name, file in job.todo.items():  # two names may share a file
        write = functools.partial(_write, labels_file(job.folder, name))
        (way,) = run([file], [*stages, write])
        send(("image", name, way.reason))


def _write(target: Path, found: Found) -> None:
    write_labels(target, found.instances.labels, found.image.pixel_size)


def measure_cost(segmenter: Segmenter, job: Job) -> dict[str, Any]:
    """Time and memory of a model.

    Each of the images timed is predicted twice in a row, and the second call is timed: from pixels
    in memory to labels in memory, that is normalisation, network and decoding. Loading the model,
    compiling the network, reading and writing are left out.

    Returns:
        `seconds` and `mpx`, sums over `images` timed; `device`, `engine` and `precision`;
        `memory_mb`, the peak of the process so far, libraries included, and `gpu_memory_mb`, None
        where not known.
    """
    from nucseg_tf.inference.options import Options
    from nucseg_tf.inference.stages.read import Read

    options = Options(**job.options)
    read = Read(replace(options, invert=segmenter.inverts(options.invert)))
    seconds, pixels, count = 0.0, 0, 0
    for file in job.timed:
        try:
            image = read(file)
            _predict(segmenter, image, job.options)
            began = time.perf_counter()
            _predict(segmenter, image, job.options)
        except Exception as error:  # was reported as a failure
            LOG.debug("%s: not timed", file, exc_info=error)
            continue
        seconds += time.perf_counter() - began
        pixels += image.pixels.size
        count += 1
    network = segmenter.network
    return {
        **{"seconds": seconds, "mpx": pixels / 1e6, "images": count, "device": network.device},
        **{"engine": network.engine, "precision": network.precision},
        **{"memory_mb": peak_memory(), "gpu_memory_mb": _gpu_memory()},
    }


def peak_memory() -> float | None:
    """Largest resident memory of this process so far, MB of 2^20 bytes; None where not known.

    Linux lets a new process inherit `ru_maxrss` from the one that started it, but not VmHWM.
    """
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


def _gpu_memory() -> float | None:
    if "tensorflow" not in sys.modules:
        return None
    import tensorflow as tf

    if not tf.config.list_logical_devices("GPU"):
        return None
    return tf.config.experimental.get_memory_info("GPU:0")["peak"] / 2**20


def _predict(segmenter: Segmenter, image: Image, options: Mapping[str, Any]) -> Any:
    chosen = {name: options[name] for name in ("diameter", "tile", "tta")}
    return segmenter.predict(image.pixels, pixel_size=image.pixel_size, **chosen)
