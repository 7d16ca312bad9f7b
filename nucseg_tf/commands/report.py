"""`nucseg report`."""

from __future__ import annotations

from pathlib import Path


def report(benchmark: Path) -> Path:
    """Make the report of a benchmark anew from its saved scores.

    Args:
        benchmark: output folder of nucseg benchmark
    """
    from nucseg_tf.evaluation.report import write_report

    return write_report(benchmark)
