"""The network computed by OpenVINO, which knows CPUs better and loads faster than TensorFlow.

The first time, Keras builds the network and OpenVINO converts it; the result is kept (`cache`), and
from then on neither Keras nor TensorFlow is imported. A converted network takes any shape.
"""

from __future__ import annotations

import functools
import hashlib
import sys
import tempfile
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from nucseg_tf import __version__
from nucseg_tf.engines import cache
from nucseg_tf.engines.base import (
    Compiled,
    Compute,
    Device,
    Engine,
    EngineError,
    Precision,
    Source,
)
from nucseg_tf.engines.layout import turn_enlargements
from nucseg_tf.errors import UsageError
from nucseg_tf.imaging.memory import is_exhausted

FORMAT = 3  # of what is kept
XML, WEIGHTS = ".xml", ".bin"  # of each part
EXACT = "computed_in_f32"  # marks parts of which that is true at any precision
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
        names = [name.removesuffix(XML) for name in files if name.endswith(XML)]
        parts = {
            name: _compile(ov, files[name + XML], files[name + WEIGHTS], precision)
            for name in names
        }
        return Compiled(parts, source, self.name, precision, "cpu")


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


@functools.cache
def core_of(ov: Any) -> Any:
    """OpenVINO's core, one for all networks, which lives as long as the process.

    It gives the thread that makes it a stack for signals. Were it taken down by another thread, the
    first would keep the address of a stack that is gone, and die of its next signal, Ctrl-C too.
    """
    return ov.Core()


def kept_or_converted(ov: Any, source: Source) -> cache.Files:
    """A network in OpenVINO's form, from the cache if it is there."""
    if not source.key:
        return convert(ov, source)
    parts = (str(FORMAT), __version__, ov.__version__, source.key)
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return cache.kept("openvino", key, lambda: convert(ov, source))


def convert(ov: Any, source: Source) -> cache.Files:
    """Convert the parts of a network.

    OpenVINO reads TensorFlow's format by itself; its own `convert_model` would send telemetry.

    Raises:
        EngineError: one cannot be converted.
    """
    from nucseg_tf.engines.tensorflow import save, use_device

    if "tensorflow" not in sys.modules:
        use_device("auto")
    files = {}
    with tempfile.TemporaryDirectory(prefix="nucseg-") as folder:
        for name, part in source.parts.items():
            file, saved = Path(folder) / (name + XML), Path(folder) / name
            try:
                save(source.network, part, saved)
                model = core_of(ov).read_model(saved)
                turn_enlargements(model)
                if part.exact:
                    model.set_rt_info("", EXACT)
                ov.save_model(model, file, compress_to_fp16=False)
            except Exception as error:  # whatever Keras and OpenVINO say of a network
                if is_exhausted(error):
                    raise
                raise EngineError(f"its network cannot be converted: {error}") from error
            for suffix in (XML, WEIGHTS):
                files[name + suffix] = file.with_suffix(suffix).read_bytes()
    return files


def _compile(ov: Any, xml: bytes, weights: bytes, precision: Precision) -> Compute:
    core = core_of(ov)
    model = core.read_model(xml, weights)
    settings = _settings("f32" if model.has_rt_info(EXACT) else precision)
    compiled = core.compile_model(model, "CPU", settings)
    request = compiled.create_infer_request()
    inputs, outputs = (port_names(ports) for ports in (model.inputs, model.outputs))
    lock = Lock()  # the request holds one set of inputs and outputs

    def compute(*arrays: np.ndarray) -> Any:
        given = [np.ascontiguousarray(array, np.float32) for array in arrays]
        with lock:
            try:
                request.infer(dict(zip(inputs, given, strict=True)), share_inputs=True)
            except RuntimeError:  # of memory, say, of which it would keep what it got
                compiled.release_memory()
                raise
            found = [request.get_tensor(name).data.copy() for name in outputs]
        return found if len(found) > 1 else found[0]

    return compute


def _settings(precision: Precision) -> dict[str, Any]:
    return {
        # Threads bound to cores would wait there for other programs, or other shards of a run.
        "ENABLE_CPU_PINNING": False,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": precision,
        "CPU_RUNTIME_CACHE_CAPACITY": KEPT_PRIMITIVES,
    }


def port_names(ports: Sequence[Any]) -> list[str]:
    """Names of ports in the order of a part's arguments or results, by the number at their end."""
    names = [port.any_name for port in ports]
    return sorted(names, key=lambda name: int(name.rpartition("_")[2]))


ENGINE = OpenVino()
