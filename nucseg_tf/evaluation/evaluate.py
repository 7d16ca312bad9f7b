"""Scores a folder of predicted label images against a folder of true ones."""

from __future__ import annotations

import csv
import json
import logging
import os
from pathlib import Path
from typing import Any

from nucseg_tf.data.regions import read_known_labels
from nucseg_tf.errors import DataError, LabelError, SomeImagesFailed
from nucseg_tf.evaluation.pairs import images_beside, pair_labels
from nucseg_tf.evaluation.scores import ImageScore, score_image, summarise
from nucseg_tf.io.any_labels import has_outlines, read_any_labels
from nucseg_tf.io.cells import as_cell
from nucseg_tf.io.files import atomic_path, ensure_folder
from nucseg_tf.io.images import shape_of_image
from nucseg_tf.io.tables import write_failures

LOG = logging.getLogger(__name__)


def evaluate_folders(
    truth_dir: str | os.PathLike[str],
    pred_dir: str | os.PathLike[str],
    out_dir: str | os.PathLike[str],
    split_binary: bool = False,
) -> dict[str, Any]:
    """Score every label image of `truth_dir` and write scores.json and scores.csv.

    Of truth of which only regions are finished (`data.regions`), only these count.

    Args:
        truth_dir: folder of STEM.ext, STEM_masks.ext or STEM_labels.ext; or its parent, where
            that folder is called `masks`. Labels of other programs are taken as by a training.
        pred_dir: folder of STEM_labels.ext or STEM.ext, or of other programs. Others in there are
            left alone.
        out_dir: folder for the results, made where needed. scores.json holds `summary` and
            `images` (by stem); scores.csv has one row per image.
        split_binary: whether each connected piece of a mask of two values is a nucleus.

    Returns:
        The summary, see `scores.summarise`.

    Raises:
        DataError: no truth, a prediction missing, or two files that claim the same image.
        SomeImagesFailed: after scoring the others, if a file is no label image or differs in
            shape from its truth; failures.csv names it.
    """
    pairs = pair_labels(Path(truth_dir), Path(pred_dir))
    images: dict[str, Path] = {}
    if any(has_outlines(file) for files in pairs.values() for file in files):
        images = images_beside(Path(truth_dir), Path(pred_dir))
    folder = ensure_folder(out_dir)
    scores, failures = {}, {}
    for stem, files in pairs.items():
        try:
            scores[stem] = _score_files(*files, images.get(stem), split_binary)
        except DataError as error:
            LOG.error("%s", error)
            failures[stem] = str(error)
    if not scores:
        raise DataError(f"{pred_dir}: none of {len(pairs)} images could be scored")
    summary = summarise(list(scores.values()))
    _write_json(folder / "scores.json", summary, scores)
    _write_csv(folder / "scores.csv", scores)
    write_failures(folder, list(failures.items()))
    if failures:
        raise SomeImagesFailed(
            f"{len(failures)} of {len(pairs)} images could not be scored, see "
            f"{folder / 'failures.csv'}; the scores are of the others"
        )
    return summary


def format_table(summary: dict[str, Any]) -> str:
    """Set a summary out as a small table of plain text, for the terminal.

    Args:
        summary: from `evaluate_folders` or `scores.summarise`.

    Returns:
        Lines without a final line break; ratios are pooled over images, but for the mean AP.
    """
    columns = ("f1", "ap", "precision", "recall", "mean_ap")
    titles = ("F1", "AP", "precision", "recall", "mean AP")
    lines = ["IoU   " + "".join(f"{title:>10}" for title in titles)]
    for key, row in summary["thresholds"].items():
        lines.append(f"{key:<6}" + "".join(f"{row[name]:>10.3f}" for name in columns))
    diameter = summary["mean_truth_diameter"]
    size = "" if diameter is None else f" of mean diameter {diameter:.1f} px"
    lines += [
        "Pooled over all nuclei; mean AP: over images.",
        "",
        f"{summary['images']} images, {summary['n_truth']} nuclei{size}, "
        f"{summary['n_pred']} predicted",
        f"PQ {summary['pq']:.3f}, splits {summary['splits']}, merges {summary['merges']}; at IoU "
        f"0.70 missed {summary['false_negatives']}, extra {summary['false_positives']}",
    ]
    return "\n".join(lines)


def _score_files(
    truth_file: Path, pred_file: Path, image: Path | None, split_binary: bool
) -> ImageScore:
    """Score one prediction; errors name both files."""
    drawn, other = truth_file, pred_file
    if has_outlines(pred_file):
        drawn, other = pred_file, truth_file

    def shape() -> tuple[int, int]:
        if image is not None:
            return shape_of_image(image)
        if has_outlines(other):
            raise LabelError(
                f"{drawn}: outlines need the size of their image, and none is beside them. Put "
                "the image there, or into the folder images/ of the data set"
            )
        rows, columns = read_any_labels(other, shape).shape
        return rows, columns

    truth = read_known_labels(truth_file, shape, split_binary)
    prediction = read_any_labels(pred_file, shape, split_binary)
    if truth.shape != prediction.shape:
        raise LabelError(
            f"{pred_file}: shape {prediction.shape} differs from {truth.shape} of its truth "
            f"{truth_file}; predict at the size of the image"
        )
    return score_image(truth, prediction)


def _write_json(path: Path, summary: dict[str, Any], scores: dict[str, ImageScore]) -> None:
    """Write summary and scores of all images."""
    content = {
        "summary": summary,
        "images": {stem: score.to_dict() for stem, score in scores.items()},
    }
    with atomic_path(path) as temporary:
        text = json.dumps(content, indent=2, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def _write_csv(path: Path, scores: dict[str, ImageScore]) -> None:
    """Write one row per image, thresholds as columns such as `f1_0.50`."""
    rows = []
    for stem, score in scores.items():
        row: dict[str, Any] = {"image": as_cell(stem), **score.to_dict()}
        for key, counts in row.pop("thresholds").items():
            row |= {f"{name}_{key}": value for name, value in counts.items()}
        rows.append(row)
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
