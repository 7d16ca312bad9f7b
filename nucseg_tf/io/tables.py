"""Tables that every run over images writes."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from nucseg_tf.io.files import atomic_path


def write_failures(folder: Path, failures: Sequence[tuple[Path | str, str]]) -> None:
    """Write failures.csv, a row an image that could not be done; remove that of an earlier run.

    Args:
        folder: of the results.
        failures: (image or its name, reason).

    Raises:
        OutputError: the file cannot be written.
    """
    file = folder / "failures.csv"
    file.unlink(missing_ok=True)
    if not failures:
        return
    with (
        atomic_path(file) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as stream,
    ):
        writer = csv.writer(stream)
        writer.writerow(["image", "reason"])
        writer.writerows((str(path), reason) for path, reason in failures)
