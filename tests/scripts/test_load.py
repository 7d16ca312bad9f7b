"""What counts as growth, and what is seen of a process from outside."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from loads import page
from loads.results import summarise
from loads.runs import Lines
from loads.trend import find_trend
from loads.watch import Watch

DONE = np.arange(1, 1001)


@pytest.mark.parametrize("slope", [0.0, 2.5])
def test_growth_is_found_in_spite_of_outliers_and_of_a_beginning(slope):
    rng = np.random.default_rng(0)
    values = 300 + slope * DONE / 1000 + rng.normal(0, 0.2, len(DONE))
    values[:200] -= np.linspace(100, 0, 200)  # caches fill
    values[500:520] += 50  # a large image
    trend = find_trend(DONE, values)
    assert abs(trend.slope - slope) < 0.2
    assert trend.low < slope < trend.high
    assert trend.level == pytest.approx(300 + slope * 0.6, abs=0.3)


def test_too_few_samples_for_a_line():
    with pytest.raises(ValueError, match=r"three bins at least\. Received: 2"):
        find_trend([5, 10], [1.0, 2.0])


def test_lines_are_counted_as_they_come(tmp_path):
    path = tmp_path / "log"
    count = Lines(path, "steps", 25)
    assert count() == 0
    path.write_text("epoch\n10 steps\n2 st")
    assert count() == 25
    with path.open("a") as stream:
        stream.write("eps\n")
    assert count() == 50
    path.unlink()
    assert count() == 50


HOLD = """
import sys, tempfile, threading
held = [tempfile.TemporaryFile() for _ in range(5)], bytearray(b"x" * 50_000_000)
threading.Thread(target=sys.stdin.read, daemon=True).start()
print("ready", flush=True)
threading.Event().wait()
"""


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").is_file(), reason="Linux alone shows it")
def test_what_a_process_holds_is_seen(tmp_path):
    folders = {name: tmp_path / name for name in ("temporary", "out", "cache")}
    for folder in folders.values():
        folder.mkdir()
    (folders["out"] / ".hidden").touch()
    (folders["out"] / "labels.tif").touch()
    (folders["cache"] / "network").touch()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "-c", HOLD], **pipes) as process:
        process.stdout.readline()
        seen = Watch(process.pid, lambda: 7, folders).look()
        process.kill()
    assert seen.done == 7
    assert 50 < seen.pss <= seen.rss
    assert (seen.threads, seen.processes, seen.cache) == (2, 1, 1)
    assert seen.files >= 8
    assert seen.temporary == 5 + 1
    assert Watch(process.pid, lambda: 7, folders).look() is None


def test_a_page_has_all_tables(tmp_path):
    sample = {"rss": 300.0, "pss": 200.0, "files": 9, "threads": 2, "temporary": 0, "shared": 0}
    samples = [{"done": n, "seconds": n / 10, "cache": 3, **sample} for n in range(1, 101)]
    found = summarise({"command": "nucseg predict", "count": 100, "left": [], "samples": samples})
    text = page.growth([found | {"case": "predict-100"}])
    row = "| predict-100 | `nucseg predict` | 300 | 0.00 (0.00 to 0.00) | 0.00 | 100, 100 |"
    assert text.splitlines()[-1] == row
    assert page.counts([found | {"case": "a"}]).splitlines()[-1] == "| a | 9 | 2 | 0 | 0 | none |"
    short = summarise({"command": "", "count": 1, "left": [".x"], "samples": samples[:2]})
    assert page.counts([short | {"case": "b"}]).splitlines()[-1] == "| b | - | - | - | - | .x |"
