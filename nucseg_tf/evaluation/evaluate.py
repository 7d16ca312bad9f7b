"""Scores a folder of predicted label images against a folder of true ones."""

from __future__ import annotations

import csv
import json
import logging
import os
from pathlib import Path
from typing import Any

import pandas as pd

from nucseg_tf.errors import DataError, LabelError, SomeImagesFailed
from nucseg_tf.evaluation.scores import ImageScore, score_image, summarise
from nucseg_tf.io.files import atomic_path, ensure_folder
from nucseg_tf.io.formats import label_suffixes
from nucseg_tf.io.labels import read_labels

LOG = logging.getLogger(__name__)
# Names of label images, the first found wins: `predict` writes STEM_labels.tif and may put an
# overlay STEM.png beside it; a folder of truth may hold the images themselves.
TRUTH_ENDINGS = ("_masks", "_labels", "")
PRED_ENDINGS = ("_labels", "")


def evaluate_folders(
    truth_dir: str | os.PathLike[str],
    pred_dir: str | os.PathLike[str],
    out_dir: str | os.PathLike[str],
) -> dict[str, Any]:
    """Score every label image of `truth_dir` and write scores.json and scores.csv.

    Args:
        truth_dir: folder of STEM.ext, STEM_masks.ext or STEM_labels.ext; or its parent, where
            that folder is called `masks`.
        pred_dir: folder of STEM_labels.ext or STEM.ext. Others in there are left alone.
        out_dir: folder for the results, made where needed. scores.json holds `summary` and
            `images` (by stem); scores.csv has one row per image.

    Returns:
        The summary, see `scores.summarise`.

    Raises:
        DataError: no truth, a prediction missing, or two files that claim the same image.
        SomeImagesFailed: after scoring the others, if a file is no label image or differs in
            shape from its truth; failures.csv names it.
    """
    pairs = pair_labels(Path(truth_dir), Path(pred_dir))
    folder = ensure_folder(out_dir)
    scores, failures = {}, {}
    for stem, files in pairs.items():
        try:
            scores[stem] = _score_files(*files)
        except DataError as error:
            LOG.error("%s", error)
            failures[stem] = str(error)
    if not scores:
        raise DataError(f"{pred_dir}: none of {len(pairs)} images could be scored")
    summary = summarise(list(scores.values()))
    _write_json(folder / "scores.json", summary, scores)
    _write_csv(folder / "scores.csv", scores)
    (folder / "failures.csv").unlink(missing_ok=True)
    if failures:
        with atomic_path(folder / "failures.csv") as temporary:
            table = pd.DataFrame({"image": failures.keys(), "reason": failures.values()})
            table.to_csv(temporary, index=False)
        raise SomeImagesFailed(
            f"{len(failures)} of {len(pairs)} images could not be scored, see "
            f"{folder / 'failures.csv'}; the scores are of the others"
        )
    return summary


def pair_labels(truth_dir: Path, pred_dir: Path) -> dict[str, tuple[Path, Path]]:
    """Find the prediction that belongs to each true label image.

    Returns:
        (truth, prediction) by stem, sorted.

    Raises:
        DataError: no truth, a prediction missing, or two files that claim the same image.
    """
    masks = truth_dir / "masks"
    truth_dir = masks if masks.is_dir() else truth_dir
    truths = label_files(truth_dir, TRUTH_ENDINGS)
    predictions = label_files(pred_dir, PRED_ENDINGS)
    if not truths:
        suffixes = ", ".join(label_suffixes())
        raise DataError(f"{truth_dir}: expected label images ({suffixes}), found none")
    missing = [stem for stem in truths if stem not in predictions]
    if missing:
        more = ", ..." if len(missing) > 5 else ""
        raise DataError(
            f"{pred_dir}: no prediction (STEM_labels.tif or STEM.ext) for {len(missing)} of "
            f"{len(truths)} images: {', '.join(missing[:5])}{more}. Predict them first: leaving "
            "images out would flatter the score."
        )
    return {stem: (truths[stem], predictions[stem]) for stem in sorted(truths)}


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


def label_files(folder: Path, endings: tuple[str, ...]) -> dict[str, Path]:
    """Find the label images in a folder, by stem; earlier endings win over later ones."""
    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder of label images, found none there")
    found: dict[str, tuple[int, Path]] = {}
    suffixes = label_suffixes()
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.suffix.lower() not in suffixes:
            continue
        stem = path.stem.removesuffix(".ome")
        rank, ending = next(item for item in enumerate(endings) if stem.endswith(item[1]))
        stem = stem.removesuffix(ending).removesuffix(".ome")
        best = found.get(stem)
        if best and best[0] == rank:
            raise DataError(f"{best[1]} and {path.name} claim the same image; remove one of them")
        if best is None or rank < best[0]:
            found[stem] = rank, path
    return {stem: path for stem, (_, path) in found.items()}


def _score_files(truth_file: Path, pred_file: Path) -> ImageScore:
    """Score one prediction; errors name both files."""
    truth, prediction = read_labels(truth_file), read_labels(pred_file)
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
        row: dict[str, Any] = {"image": stem, **score.to_dict()}
        for key, counts in row.pop("thresholds").items():
            row |= {f"{name}_{key}": value for name, value in counts.items()}
        rows.append(row)
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
