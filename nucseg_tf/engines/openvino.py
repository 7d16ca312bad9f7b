"""The network computed by OpenVINO, which knows CPUs better and loads faster than TensorFlow.

The first time, Keras builds the network and OpenVINO converts it; the result is kept (`cache`), and
from then on neither Keras nor TensorFlow is imported. A converted network takes any shape.
"""

from __future__ import annotations

import hashlib
import logging
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from nucseg_tf import __version__
from nucseg_tf.engines import cache
from nucseg_tf.engines.base import (
    Compiled,
    Device,
    Engine,
    EngineError,
    Precision,
    Predict,
    Source,
)
from nucseg_tf.errors import UsageError

FORMAT = 1  # of what is kept
XML, WEIGHTS = "network.xml", "network.bin"
# What a new shape needs is kept for about ten shapes: 3 MB each, and 0.05 s to find anew.
KEPT_PRIMITIVES = 1000


class OpenVino(Engine):
    """See `Engine` for what each of these is."""

    name = "openvino"
    package = "openvino"
    precisions = ("f32", "bf16")

    def compile(
        self, source: Source, precision: Precision = "f32", device: Device | None = None
    ) -> Compiled:
        if device == "gpu":
            raise UsageError("--engine openvino computes on the CPU; --device gpu needs keras")
        ov = load_openvino()
        files = kept_or_converted(ov, source)
        predict = _compile(ov, files, precision)
        return Compiled(predict, source, self.name, precision, "cpu")


def load_openvino() -> Any:
    """Import OpenVINO without its telemetry.

    It would report its import to a server, and write into the user's home, without asking; where
    the package `openvino_telemetry` is missing, it does neither.
    """
    telemetry = "openvino_telemetry"
    hidden = telemetry not in sys.modules
    if hidden:
        sys.modules[telemetry] = None  # type: ignore[assignment]
    try:
        return import_module("openvino")
    finally:
        if hidden:
            del sys.modules[telemetry]


def kept_or_converted(ov: Any, source: Source) -> cache.Files:
    """A network in OpenVINO's form, from the cache if it is there."""
    if not source.key:
        return convert(ov, source)
    parts = (str(FORMAT), __version__, ov.__version__, source.key)
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return cache.kept("openvino", key, lambda: convert(ov, source))


def convert(ov: Any, source: Source) -> cache.Files:
    """Convert a network.

    OpenVINO reads TensorFlow's format by itself; its own `convert_model` would send telemetry.

    Raises:
        EngineError: it cannot be converted.
    """
    from nucseg_tf.engines.tensorflow import open_shapes, use_device

    if "tensorflow" not in sys.modules:
        use_device("auto")
    network = source.network
    with tempfile.TemporaryDirectory(prefix="nucseg-") as folder, _same_log_handlers():
        saved, xml = Path(folder) / "saved", Path(folder) / XML
        try:
            with open_shapes(network):
                network.export(str(saved), format="tf_saved_model", verbose=False)
            ov.save_model(ov.Core().read_model(saved), xml, compress_to_fp16=False)
        except Exception as error:  # whatever Keras and OpenVINO say of a network
            raise EngineError(f"its network cannot be converted: {error}") from error
        return {name: (Path(folder) / name).read_bytes() for name in (XML, WEIGHTS)}


@contextmanager
def _same_log_handlers() -> Iterator[None]:
    """Remove what Keras' export adds: every line would come twice from then on."""
    handlers = logging.getLogger().handlers
    before = [*handlers]
    try:
        yield
    finally:
        handlers[:] = before


def _compile(ov: Any, files: cache.Files, precision: Precision) -> Predict:
    core = ov.Core()
    settings = {
        # Threads bound to cores would wait there for other programs, or other shards of a run.
        "ENABLE_CPU_PINNING": False,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": precision,
        "CPU_RUNTIME_CACHE_CAPACITY": KEPT_PRIMITIVES,
    }
    model = core.read_model(files[XML], files[WEIGHTS])
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    lock = Lock()  # the request holds one input and one output

    def predict(batch: np.ndarray) -> np.ndarray:
        with lock:
            request.infer({0: np.ascontiguousarray(batch, np.float32)})
            return request.get_output_tensor(0).data.copy()

    return predict


ENGINE = OpenVino()
