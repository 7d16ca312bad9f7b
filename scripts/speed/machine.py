"""What figures were measured on."""

from __future__ import annotations

import os
import platform
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nucseg_tf.doctor import cores, source_revision, versions
from nucseg_tf.io.limits import memory

CPUINFO, STAT = Path("/proc/cpuinfo"), Path("/proc/stat")
EXTENSIONS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")  # that matrix products depend on
VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_CORETYPE", "TF_NUM_INTRAOP_THREADS")


def describe() -> dict[str, Any]:
    """Processor, cores, memory, system, load and versions."""
    text = CPUINFO.read_text() if CPUINFO.exists() else ""
    return {
        "cpu": _entry(text, "model name") or platform.processor() or platform.machine(),
        "extensions": [name for name in EXTENSIONS if name in _entry(text, "flags").split()],
        "cores": cores(),
        "memory_gb": round(memory() / 2**30, 1),
        "system": platform.system(),
        "load": [round(value, 2) for value in os.getloadavg()],
        "variables": {name: os.environ[name] for name in VARIABLES if name in os.environ},
        "versions": versions(),
        "revision": source_revision(),
    }


def _entry(text: str, name: str) -> str:
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def busy_seconds(stat: str, ticks: int) -> float:
    """Seconds of all cores in which something ran: of the first line of /proc/stat.

    >>> busy_seconds("cpu  100 50 50 1000 30 0 0 0 0 0", ticks=100)
    2.0
    """
    user, nice, system, _idle, _wait, irq, soft, *_ = map(int, stat.split()[1:])
    return (user + nice + system + irq + soft) / ticks


class Others:
    """How many cores other programs kept busy meanwhile; None where the system does not say."""

    def __init__(self) -> None:
        self.before = self._now()

    def cores(self) -> float | None:
        """Mean since the beginning, of this process and of its children apart."""
        now = self._now()
        if self.before is None or now is None:
            return None
        wall, busy, own = (b - a for a, b in zip(self.before, now, strict=True))
        return round(max(0.0, busy - own) / wall, 2) if wall > 0 else None

    @staticmethod
    def _now() -> tuple[float, float, float] | None:
        try:
            line = STAT.read_text().splitlines()[0]
            busy = busy_seconds(line, os.sysconf("SC_CLK_TCK"))
        except (OSError, ValueError, IndexError):
            return None
        own = 0.0
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
            usage = resource.getrusage(who)
            own += usage.ru_utime + usage.ru_stime
        return time.perf_counter(), busy, own


def watched(part: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What a part gives, with how busy the machine was and how long it took."""
    others, began = Others(), time.perf_counter()
    result = part()
    return result | {
        "others_cores": others.cores(),
        "load": round(os.getloadavg()[0], 2),
        "took_s": round(time.perf_counter() - began, 1),
    }
