"""Calibrate the scores of model folders: `python scripts/calibrate.py MODEL... --data FIELDS`.

Each model, by name or folder, finds the nuclei of the fields of a split; a fit to which of them are
right becomes the section `confidence` of its model.yaml, whose hash in sha256 follows, and the
paragraph on scores of its README.md. `--dry-run` only says what would come of it. Training does the
same when it finishes; this is for models from before, or for other fields.

FIELDS is a data set as of `nucseg train`; of a CSV file, the column `group` divides the table that
is printed: area under the ROC curve and expected calibration error of the raw score, and of the
confidence, cross-validated by field. `--figure FILE.png` draws the reliability of all models:

    python scripts/calibrate.py fpn2ws-nuclei mask-rcnn-nuclei jacobkie-nuclei \\
        --data FIELDS.csv --figure docs/reliability.png

drew docs/reliability.png.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import numpy as np

from nucseg_tf.data.manifest import find_fields
from nucseg_tf.errors import NucsegError, UsageError
from nucseg_tf.evaluation.calibration import (
    Judged,
    auc,
    calibrate,
    calibration_error,
    cross_validate,
    judge,
    predict_fields,
)
from nucseg_tf.evaluation.card import with_confidence
from nucseg_tf.evaluation.reliability import write_reliability
from nucseg_tf.evaluation.scores import ERROR_IOU
from nucseg_tf.inference.segmenter import Segmenter
from nucseg_tf.io.files import atomic_path
from nucseg_tf.models import zoo
from nucseg_tf.types import Field

ALL = "all"


def rows(judged: Judged, confidence: np.ndarray, fields: list[Field]) -> list[str]:
    """Lines of the table, for all nuclei and for each group of fields."""
    group = np.array([field.group for field in fields])[judged.field]
    parts = {ALL: np.full(len(group), True)} | {name: group == name for name in np.unique(group)}
    lines = [f"{'fields':<14}{'nuclei':>8}{'wrong':>8}{'AUC':>8}{'':>8}{'ECE':>8}{'':>8}"]
    for name, own in parts.items():
        right = judged.right[own]
        values = [judged.score[own], confidence[own]]
        line = f"{name or 'no group':<14}{len(right):>8}{1 - right.mean():>8.1%}"
        line += "".join(f"{auc(right, value):>8.3f}" for value in values)
        lines.append(line + "".join(f"{calibration_error(right, value):>8.3f}" for value in values))
    return lines


def run(name: str, fields: list[Field], options: argparse.Namespace) -> tuple[Judged, np.ndarray]:
    """Calibrate one model; its nuclei, and the cross-validated confidence in them."""
    model = zoo.load(name, options.models_dir)
    segmenter = Segmenter(model)
    judged = judge(segmenter, predict_fields(segmenter, fields, options.channel, options.z))
    confidence = calibrate(judged)
    if confidence is None:
        raise UsageError(f"{name}: not calibrated, and left as it is.")
    honest = cross_validate(judged)
    print(f"{name}: {confidence.nuclei} nuclei of {confidence.fields} fields")
    print("\n".join(rows(judged, honest, fields)))
    print({key: round(value, 3) for key, value in confidence.weights.items()}, flush=True)
    if not options.dry_run:
        info = model.info.model_copy(update={"confidence": confidence})
        zoo.replace_info(model.folder, info)
        card = model.folder / "README.md"
        with atomic_path(card) as temporary:
            text = card.read_text(encoding="utf-8") if card.exists() else f"# {info.name}\n"
            temporary.write_text(with_confidence(text, info), encoding="utf-8")
        print(model.folder)
    return judged, honest


def main() -> None:
    """Calibrate all models, and draw them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="+", help="names, or folders")
    parser.add_argument("--data", type=Path, required=True, help="data set, or CSV manifest")
    parser.add_argument("--split", default="val", help="whose fields count; '' for all")
    parser.add_argument("--models-dir", type=Path, help="folder to search first")
    parser.add_argument("--channel", help="of the images, where they have several")
    parser.add_argument("--z", help="plane of the images, where they have several")
    parser.add_argument("--figure", type=Path, help="SVG or PNG to draw")
    parser.add_argument("--dry-run", action="store_true", help="leave the models as they are")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        fields = [f for f in find_fields(options.data) if options.split in ("", f.split)]
        if not fields:
            raise UsageError(f"{options.data}: no fields of the split {options.split!r}")
        done = {name: run(name, fields, options) for name in options.models}
        if options.figure:
            named = {Path(name).name: value for name, value in done.items()}
            write_reliability(options.figure, named, ERROR_IOU)
    except NucsegError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
