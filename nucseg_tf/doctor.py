"""What this installation consists of, and whether it is intact."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from nucseg_tf.errors import NucsegError

LIBRARIES = (
    "nucseg-tf",
    "tensorflow",
    "keras",
    "segmentation-models",
    "numpy",
    "scipy",
    "opencv-python-headless",
    "scikit-image",
    "h5py",
)
CGROUP_LIMITS = (
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",  # version 1
)


def versions() -> dict[str, str]:
    """Version of Python and of the libraries that results depend on."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


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


def memory() -> int:
    """Bytes of memory this process may use: what the machine has, or a container's limit."""
    limit = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for file in CGROUP_LIMITS:
        try:
            limit = min(limit, int(Path(file).read_text()))
        except (OSError, ValueError):  # another version of cgroups, or "max"
            continue
    return limit


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
        ("memory", f"{memory() / 2**30:.1f} GiB"),
    ]
    problems: list[str] = []
    try:
        rows.append(("devices", _devices()))
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
