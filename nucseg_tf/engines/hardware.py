"""What this machine computes on, told without TensorFlow."""

from __future__ import annotations

import ctypes
import os
import platform
from pathlib import Path

CPUS = {"x86_64", "amd64", "aarch64", "arm64"}  # that OpenVINO computes on
BF16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # of x86, x86 and ARM
MOST_WORKERS = 4
CPUINFO = Path("/proc/cpuinfo")


def driver_finds_gpu() -> bool:
    """Whether NVIDIA's driver is here and lets this process use a GPU."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int()
    return (
        driver.cuInit(0) == 0
        and driver.cuDeviceGetCount(ctypes.byref(count)) == 0
        and count.value > 0
    )


def usual_workers() -> int:
    """How many images to have under way at once: one a core that this process may use, to four.

    One keeps the network busy; the others are read, decoded and written meanwhile, which takes
    less time than the network does.
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:
        cores = os.cpu_count() or 1
    return min(cores, MOST_WORKERS)


def known_cpu() -> bool:
    """Whether the CPU is of a kind that OpenVINO computes on."""
    return platform.machine().lower() in CPUS


def computes_bf16() -> bool:
    """Whether the CPU has instructions for bfloat16; elsewhere it would be slower than float32."""
    try:
        lines = CPUINFO.read_text().splitlines()
    except OSError:
        return False
    flags: set[str] = set()
    for name, _, words in (line.partition(":") for line in lines):
        if name.strip() in ("flags", "Features"):
            flags.update(words.split())
    return bool(flags & BF16_FLAGS)
