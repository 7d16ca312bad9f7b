"""`nucseg evaluate`."""

from __future__ import annotations

import logging
from pathlib import Path

LOG = logging.getLogger(__name__)


def evaluate(truth: Path, prediction: Path, *, out: Path) -> str:
    """Score predicted label images against true ones.

    Writes scores.json and scores.csv, and prints a table.

    Args:
        truth: folder of true label images, or of its masks/
        prediction: folder of STEM_labels.tif, as predict writes them
        out: folder for the scores
    """
    from nucseg_tf.evaluation.evaluate import evaluate_folders, format_table

    table = format_table(evaluate_folders(truth, prediction, out))
    LOG.info("scores written to %s", out / "scores.json")
    return table
