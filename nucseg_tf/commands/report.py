"""`nucseg report`."""

from __future__ import annotations

from pathlib import Path

from nucseg_tf.errors import DataError, UsageError


def report(results: Path) -> Path:
    """Make report.html of results: of a plate or folder that was predicted, or of a benchmark.

    Prints where it is. Of a benchmark it is made anew from the saved scores.

    Args:
        results: output folder of nucseg predict (or merge) or of nucseg benchmark
    """
    from nucseg_tf.io.files import remove_temporaries, remove_temporaries_of

    if not results.exists():
        raise UsageError(f"{results}: no such folder; expected the output of predict or benchmark")
    remove_temporaries_of(results / "report.html")  # of a report that was killed
    remove_temporaries(results / "figures")
    if (results / "benchmark.json").is_file():
        from nucseg_tf.evaluation.report import write_report as write_benchmark_report

        return write_benchmark_report(results)
    if (results / "run.json").is_file():
        from nucseg_tf.screening.report import write_report

        return write_report(results)
    if any(results.glob("run-*of*.json")):
        raise DataError(f"{results}: holds shards of a run. Run nucseg merge {results} first.")
    raise DataError(
        f"{results}: holds neither run.json of nucseg predict nor benchmark.json of nucseg "
        "benchmark; expected the output folder of one of them"
    )
