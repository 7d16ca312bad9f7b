"""A command as a process of its own: its time and memory.

A process inherits, as its peak, the memory of the one that starts it. So a small one, this file run
as a script, stands between; its own 10 MB are the least that can be told.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

TAIL = 800  # characters of what a failed command said


class ProcessError(Exception):
    """A command that failed; says what it printed last."""


def measure(
    command: Sequence[str], env: Mapping[str, str] | None = None, limit_s: float = 3600
) -> dict[str, float]:
    """Run a command to its end.

    Args:
        command: program and arguments.
        env: environment; this process's without.
        limit_s: seconds after which it is ended.

    Returns:
        `wall_s`; `cpu_s`, of the process and the children that it waited for, user and system; and
        `peak_mb`, the largest resident memory of one of these processes.

    Raises:
        ProcessError: it failed, or took longer.
    """
    with tempfile.TemporaryDirectory() as folder:
        report, said = Path(folder) / "report.json", Path(folder) / "said"
        launcher = [sys.executable, "-I", "-S", __file__, str(report), str(limit_s), *command]
        with said.open("wb") as file:
            subprocess.run(launcher, stdout=file, stderr=subprocess.STDOUT, env=env)
        words = said.read_bytes().decode(errors="replace")[-TAIL:].strip()
        if not report.exists():
            raise ProcessError(f"{' '.join(command)}: did not start: {words}")
        usage = json.loads(report.read_text())
    code = usage.pop("code")
    if code:
        late = f", ended after {limit_s:g} s" if usage["wall_s"] >= limit_s else ""
        raise ProcessError(f"{' '.join(command)}: code {code}{late}: {words}")
    return usage


def launch(command: Sequence[str], limit_s: float) -> dict[str, float]:
    """Run a command from here; what `measure` returns, and its exit code as `code`."""
    began = time.perf_counter()
    process = subprocess.Popen(command)
    guard = threading.Timer(limit_s, process.kill)
    guard.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
    finally:
        guard.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    return {
        "code": process.returncode,
        "wall_s": time.perf_counter() - began,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
    }


def main() -> None:
    """`process.py REPORT LIMIT COMMAND...`."""
    report, limit_s, *command = sys.argv[1:]
    Path(report).write_text(json.dumps(launch(command, float(limit_s))))


if __name__ == "__main__":
    main()
