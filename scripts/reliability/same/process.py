"""`nucseg` in processes of its own."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

NUCSEG = (sys.executable, "-m", "nucseg_tf")
ONE_CORE = ("taskset", "--cpu-list", str(min(os.sched_getaffinity(0))))
ONE_THREAD = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"), "1"),
    "TF_NUM_INTEROP_THREADS": "1",
}


def nucseg(
    *arguments: object,
    before: tuple[str, ...] = (),
    program: tuple[str, ...] = NUCSEG,
    **environment: str,
) -> float:
    """Run a command; whatever it says is shown if it fails.

    Returns:
        Seconds of the processor that it took.
    """
    earlier = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [*before, *program, *map(str, arguments)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"nucseg {' '.join(map(str, arguments))}\n{done.stderr}")
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return now.ru_utime + now.ru_stime - earlier.ru_utime - earlier.ru_stime


def stopped(*arguments: object, when: Callable[[], bool]) -> bool:
    """Run a command and send SIGTERM once something is so; whether it was stopped by that."""
    process = subprocess.Popen(
        [*NUCSEG, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None:
        if when():
            process.send_signal(signal.SIGTERM)
            process.wait()
        time.sleep(0.01)
    return process.returncode == 128 + signal.SIGTERM


def lines_in(path: Path) -> int:
    """Lines of a file so far; 0 without it."""
    return path.read_bytes().count(b"\n") if path.exists() else 0
