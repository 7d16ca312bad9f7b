"""The table of all trainings with their scores, as the paper's list of runs."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from design import Training, entries, trainings

SCORES = ("f1", "precision", "recall")
THRESHOLDS = ("0.50", "0.70", "0.90")


def write_runs(path: str, design: Mapping[str, Any], results: str, log: str) -> None:
    """Write one row a training, baseline or method of preliminary labels, and split.

    Args:
        path: CSV to write.
        design: from `read_design`.
        results: its folder of results.
        log: gets a line.
    """
    axes = [field.name for field in fields(Training)]
    scores = [f"{score}_{threshold}" for threshold in THRESHOLDS for score in SCORES]
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for name, part in design["experiments"].items():
        known = {training.path: asdict(training) for training in trainings(design, name)}
        for entry, paths in entries(design, name):
            for run in paths:
                row = known.get(run) or {**dict.fromkeys(axes, ""), "model": entry}
                rows[part["split"], run] = row
    Path(log).write_text(f"{path}: {len(rows)} rows\n", encoding="utf-8")
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(
            file, ["run", "fields", "split", *axes, "images", "nuclei", *scores]
        )
        writer.writeheader()
        for number, ((split, run), row) in enumerate(sorted(rows.items()), start=1):
            source = Path(results, "scores", split, run, "scores.json")
            summary = json.loads(source.read_text(encoding="utf-8"))["summary"]
            found = {
                f"{score}_{threshold}": f"{summary['thresholds'][threshold][score]:.4f}"
                for threshold in THRESHOLDS
                for score in SCORES
            }
            counts = {"images": summary["images"], "nuclei": summary["n_truth"]}
            head = {"run": number, "fields": next(iter(design["data"])), "split": split}
            writer.writerow({**head, **row, **counts, **found})
