"""What it costs to have the names of files on the disk, beside their content: `sync.py FOLDER`.

FOLDER is on the disk to be measured. The table goes into docs/reliability/kills.md.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(1, str(ROOT))

from nucseg_tf.io.files import atomic_path  # noqa: E402 - needs the path
from nucseg_tf.io.labels import write_labels  # noqa: E402 - needs the path

DOCS = ROOT / "docs" / "reliability" / "kills.md"
BEGIN, END = "<!-- sync: written by scripts/reliability/sync.py -->", "<!-- end of sync -->"
TIMES = 30  # in turn


def mask(path: Path, synced: bool) -> None:
    """Labels of 1024 x 1024 px."""
    numbers = np.random.default_rng(0).integers(0, 300, (64, 64))
    write_labels(path, np.kron(numbers, np.ones((16, 16), int)).astype(np.int32), synced=synced)


def checkpoint(path: Path, synced: bool) -> None:
    """64 MB."""
    with atomic_path(path, synced) as temporary:
        temporary.write_bytes(bytes(64 * 10**6))


def measure(write: Callable[[Path, bool], None], folder: Path) -> tuple[float, float]:
    """Median times of content alone and with its name, ms."""
    times: dict[bool, list[float]] = {False: [], True: []}
    for number in range(TIMES):
        for synced, known in times.items():
            began = time.perf_counter()
            write(folder / f"{number}-{synced}.tif", synced)
            known.append(1e3 * (time.perf_counter() - began))
            (folder / f"{number}-{synced}.tif").unlink()
    return float(np.median(times[False])), float(np.median(times[True]))


def main() -> None:
    """Measure, and write the table."""
    lines = ["| File | Content, ms | Its name, too, ms |", "|---|---|---|"]
    with tempfile.TemporaryDirectory(dir=sys.argv[1]) as name:
        for title, write in (("mask, 1024 x 1024 px", mask), ("checkpoint, 64 MB", checkpoint)):
            without, synced = measure(write, Path(name))
            lines.append(f"| {title} | {without:.0f} | {synced:.0f} |")
    before, rest = DOCS.read_text(encoding="utf-8").split(BEGIN)
    text = "\n".join(lines)
    DOCS.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
