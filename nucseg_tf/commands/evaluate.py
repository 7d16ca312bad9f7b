"""`nucseg evaluate`."""

from __future__ import annotations

import logging
from pathlib import Path

from nucseg_tf.commands.options import SplitBinary

LOG = logging.getLogger(__name__)


def evaluate(truth: Path, prediction: Path, *, out: Path, split_binary: SplitBinary = False) -> str:
    """Score predicted labels against true ones.

    Writes scores.json and scores.csv, and prints a table. Labels of Cellpose, QuPath, ImageJ and
    StarDist are read, too; see docs/formats.md.

    Args:
        truth: folder of true label images, or of its masks/
        prediction: folder of STEM_labels.tif, as predict writes them
        out: folder for the scores
    """
    from nucseg_tf.evaluation.evaluate import evaluate_folders, format_table

    table = format_table(evaluate_folders(truth, prediction, out, split_binary))
    LOG.info("scores written to %s", out / "scores.json")
    return table
