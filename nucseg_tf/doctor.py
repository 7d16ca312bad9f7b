"""What this installation consists of, and whether it is intact."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from nucseg_tf.errors import NucsegError
from nucseg_tf.imaging.memory import allowed

LIBRARIES = (
    "nucseg-tf",
    "tensorflow",
    "keras",
    "segmentation-models",
    "openvino",
    "numpy",
    "scipy",
    "opencv-python-headless",
    "scikit-image",
    "h5py",
)
INSTEAD = {"tensorflow": "tensorflow-cpu"}  # the same without code for GPUs, as in the CPU image
CUDA_LIBRARIES = (  # those of CUDA 12, which TensorFlow opens when it looks for GPUs
    "libcudart.so.12",
    "libcublas.so.12",
    "libcufft.so.11",
    "libcusolver.so.11",
    "libcusparse.so.12",
    "libcudnn.so.9",
)
INTEGRATIONS = Path(__file__).parent / "integrations"  # scripts for ImageJ, QuPath and the like
NAMES_A_GPU = re.compile(r"\s*(\d|GPU-|MIG-)")  # a number, or an identifier as nvidia-smi -L has it


def versions() -> dict[str, str]:
    """Version of Python and of the libraries that results depend on."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        found[name] = _version(name) or _version(INSTEAD.get(name, "")) or "not installed"
    return found


def _version(name: str) -> str:
    try:
        return version(name)
    except (PackageNotFoundError, ValueError):  # the latter for an empty name
        return ""


def source_revision() -> str:
    """Git commit that the package is run from, "-dirty" after changes; "" if installed."""
    package = Path(__file__).parent
    if not (package.parent / ".git").exists():
        return ""
    command = ["git", "-C", str(package), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def cores() -> int:
    """Processor cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def examine() -> tuple[str, list[str]]:
    """Look at everything.

    Returns:
        A text for the terminal, and the problems found.
    """
    rows = list(versions().items())
    rows += [
        ("platform", platform.platform()),
        ("executable", sys.executable),
        ("cores", str(cores())),
        ("memory", f"{allowed() / 2**30:.1f} GiB"),
        ("integrations", str(INTEGRATIONS)),
    ]
    problems: list[str] = []
    try:
        rows.append(("devices", _devices()))
        if "GPU" not in rows[-1][1]:
            rows.append(("no GPU because", why_no_gpu()))
        rows += _engine()
        rows += _models(problems)
    except ImportError as error:
        problems.append(f"TensorFlow or Keras cannot be imported: {error}")
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows), problems


def _devices() -> str:
    import tensorflow as tf

    names = []
    for device in tf.config.list_physical_devices():
        details = tf.config.experimental.get_device_details(device)
        names.append(f"{device.device_type} {details.get('device_name', '')}".strip())
    return ", ".join(names)


def _engine() -> list[tuple[str, str]]:
    """What computes networks here if the user does not say, and in which precisions it can."""
    from nucseg_tf.engines import hardware
    from nucseg_tf.engines.choose import choose
    from nucseg_tf.registry import ENGINES

    name = choose("auto")
    bf16 = "bf16" in ENGINES[name].precisions and hardware.computes_bf16()
    precision = "f32; bf16 for models that were checked in it" if bf16 else "f32"
    return [("engine", name), ("precision", precision)]


def why_no_gpu() -> str:
    """The first thing in the way of TensorFlow's finding a GPU, and what to do about it."""
    import tensorflow as tf

    if not tf.test.is_built_with_cuda():
        return (
            "this TensorFlow has no code for GPUs; use the GPU image, "
            "or `pip install -e '.[cuda]'` in an environment without tensorflow-cpu"
        )
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None and not NAMES_A_GPU.match(chosen):  # what follows does not count either
        return f"CUDA_VISIBLE_DEVICES={chosen} hides every GPU; unset it"
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return (
            "NVIDIA's driver (libcuda.so.1) is not here; see whether nvidia-smi works on the "
            "machine itself; in a container, start docker with --gpus all, apptainer with --nv"
        )
    cuda = ctypes.c_int()
    if driver.cuDriverGetVersion(ctypes.byref(cuda)) == 0 and cuda.value < 12000:
        return (
            f"NVIDIA's driver supports CUDA {cuda.value // 1000}.{cuda.value % 1000 // 10} only; "
            "update it (525 or newer)"
        )
    code = driver.cuInit(0)
    if code:
        among = "" if chosen is None else f" among CUDA_VISIBLE_DEVICES={chosen}"
        return (
            f"NVIDIA's driver is here, but finds no GPU{among} (cuInit: error {code}); "
            "see nvidia-smi"
        )
    missing = [name for name in CUDA_LIBRARIES if not _is_loadable(name)]
    if missing:
        return f"CUDA libraries are missing: {', '.join(missing)}; `pip install -e '.[cuda]'`"
    return "unknown: driver and libraries are here; NUCSEG_DEBUG=1 shows TensorFlow's messages"


def _is_loadable(library: str) -> bool:
    """Whether a shared library lies in NVIDIA's Python packages or on the system's path."""
    spec = find_spec("nvidia")
    folders = list(spec.submodule_search_locations or []) if spec else []
    if any(next(Path(folder).glob(f"*/lib/{library}"), None) for folder in folders):
        return True
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _models(problems: list[str]) -> list[tuple[str, str]]:
    from nucseg_tf.models import zoo

    rows = []
    for name, folder in zoo.list_models().items():
        try:
            zoo.read_info(folder)
            rows.append((f"model {name}", f"intact, sha256 {zoo.verify(folder)[:12]}, {folder}"))
        except NucsegError as error:
            problems.append(str(error))
            rows.append((f"model {name}", "damaged"))
    return rows or [("models", "none found")]
