"""Which engine computes a model, and in which precision."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection
from importlib.util import find_spec

from nucseg_tf.engines import hardware
from nucseg_tf.engines.base import Compiled, Device, Engine, EngineError, Precision, Source
from nucseg_tf.errors import UsageError
from nucseg_tf.registry import ENGINES
from nucseg_tf.suggest import nearest

LOG = logging.getLogger(__name__)
AUTO = "auto"
ALWAYS = "keras"  # computes every network
ON_CPUS = "openvino"
BACKENDS = ("tensorflow", "jax", "torch")  # of Keras, where they are installed


def compile_with(
    name: str,
    precision: str,
    source: Source,
    *,
    device: Device | None = None,
    able: Collection[str] = (ALWAYS,),
    checked: Collection[str] = ("f32",),
) -> Compiled:
    """Let an engine make a network ready to compute.

    Args:
        name: of the engine; "auto" takes the fastest that is here and can do it.
        precision: "f32", "bf16", or "auto": bf16 if engine and CPU compute it and it is checked.
        source: of the network.
        device: to compute on; None leaves everything as the caller has set it up.
        able: names of the engines that can compute it.
        checked: precisions in which the scores of the model have been checked.

    Raises:
        UsageError: for an unknown engine or precision, or one that is not to be had here.
    """
    check(name, precision)
    engine = ENGINES[choose(device, able) if name == AUTO else name]
    if engine.name not in able:
        raise UsageError(f"--engine {name}: computes no models of this family; use {ALWAYS}")
    try:
        return engine.compile(source, choose_precision(precision, engine, checked), device)
    except EngineError as error:
        if name != AUTO:
            raise UsageError(f"--engine {name}: {error}; use {ALWAYS}") from error
        LOG.info("%s is used instead of %s: %s", ALWAYS, engine.name, error)
    engine = ENGINES[ALWAYS]
    return engine.compile(source, choose_precision(precision, engine, checked), device)


def check(name: str, precision: str) -> None:
    """Refuse an engine or a precision that is unknown or not to be had here; UsageError."""
    if precision not in (AUTO, "f32", "bf16"):
        raise UsageError(f"--precision: expected auto, f32 or bf16. Received: {precision}.")
    check_backend()
    if name == AUTO:
        return
    if name not in ENGINES.names():
        hint = nearest(name, [AUTO, *ENGINES.names()])
        raise UsageError(f"--engine: there is no {name!r}; {hint}")
    if not _is_installed(ENGINES[name]):
        package = ENGINES[name].package
        raise UsageError(
            f"--engine {name}: the package {package} is not installed; `pip install {package}`, "
            f"or use {ALWAYS}"
        )


def check_backend() -> None:
    """Refuse a backend of Keras that is unknown or not installed; UsageError."""
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    if backend not in BACKENDS or find_spec(backend) is None:
        known = " or ".join(filter(find_spec, BACKENDS))
        raise UsageError(f"KERAS_BACKEND: expected {known}. Received: {backend!r}")


def choose(device: Device | None, able: Collection[str] = (ON_CPUS,)) -> str:
    """Name of the engine that "auto" stands for: OpenVINO on CPUs that it knows, else Keras."""
    if ON_CPUS not in able or device == "gpu":
        return ALWAYS
    if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":  # chosen on purpose
        return ALWAYS
    if not _is_installed(ENGINES[ON_CPUS]) or not hardware.known_cpu():
        return ALWAYS
    if device != "cpu" and hardware.driver_finds_gpu():
        from nucseg_tf.engines.tensorflow import finds_gpu

        if finds_gpu():
            return ALWAYS
    return ON_CPUS


def choose_precision(wanted: str, engine: Engine, checked: Collection[str]) -> Precision:
    """The precision that an engine is to compute in.

    Raises:
        UsageError: bf16 is asked for, and engine or CPU do not compute it.
    """
    if wanted == "f32" or (wanted == AUTO and "bf16" not in checked):
        return "f32"
    able = "bf16" in engine.precisions
    if able and hardware.computes_bf16():
        if "bf16" not in checked:
            LOG.warning("the model's scores have not been checked in bf16")
        return "bf16"
    if wanted == AUTO:
        return "f32"
    reason = "this CPU has no instructions for it" if able else f"{engine.name} does not compute it"
    raise UsageError(f"--precision bf16: {reason}; use f32")


def _is_installed(engine: Engine) -> bool:
    return not engine.package or find_spec(engine.package) is not None
