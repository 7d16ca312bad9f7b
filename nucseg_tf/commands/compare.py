"""`nucseg compare`."""

from __future__ import annotations

from pathlib import Path


def compare(*benchmarks: Path, out: Path | None = None, table: str | None = None) -> str:
    """Show several benchmarks side by side, and published values beside them.

    Args:
        benchmarks: output folders of nucseg benchmark
        out: folder for compare.csv and compare.md
        table: of Zaki et al. 2020 to set beside them, 1 to 8, S3 or S4; none unless given
    """
    from nucseg_tf.evaluation import compare as comparison

    rows, notes = comparison.compare(benchmarks, table)
    text = comparison.format_comparison(rows, notes)
    if out is not None:
        comparison.write_comparison(out, rows, text)
    return text
