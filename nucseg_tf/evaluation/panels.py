"""Pictures of a few images: truth, prediction and what differs (Zaki et al. 2020, Figs. 2A, 5A).

A pixel agrees where it is background in both, or belongs to a true and a predicted nucleus that are
matched at the IoU of the table of errors (0.7). So missed and extra nuclei are filled, and of the
nuclei found only the pixels that differ are shown. Where nothing is known, nothing differs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nucseg_tf.evaluation.matching import match, overlap_table
from nucseg_tf.evaluation.scores import ERROR_IOU
from nucseg_tf.evaluation.summary import f1
from nucseg_tf.io.files import ensure_folder
from nucseg_tf.io.images import read_image
from nucseg_tf.io.pictures import display_grey, draw_outlines, write_colours
from nucseg_tf.types import Field

SIDE = 512  # px of an image that a picture shows at most
# Background, truth only, prediction only, both (Okabe and Ito's palette: told apart by the
# colour-blind).
DIFFERENCE = np.array([(255, 255, 255), (213, 94, 0), (0, 114, 178), (40, 40, 40)], np.uint8)


def difference(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Say of each pixel in what it differs.

    Args:
        truth: (H, W) integer, 0 background, negative where nothing is known; see `matching`.
        prediction: (H, W) integer, 0 background.

    Returns:
        (H, W) uint8: 0 agrees; 1 only truth has a nucleus there, 2 only the prediction; 3 both
        have, but the two nuclei are not matched.
    """
    table = overlap_table(truth, prediction)
    pairs = match(table, ERROR_IOU)
    partner = np.zeros(len(table.truth_labels) + 1, np.int64)  # of no nucleus: background
    partner[1:] = -1
    partner[pairs[:, 0] + 1] = table.pred_labels[pairs[:, 1]]
    place = np.where(truth > 0, np.searchsorted(table.truth_labels, truth) + 1, 0)
    counts = np.isin(prediction, table.pred_labels)
    prediction = np.where(counts & (truth >= 0), prediction, 0)
    agrees = partner[place] == prediction
    return np.where(agrees, 0, (truth > 0) + 2 * (prediction > 0)).astype(np.uint8)


def choose_images(scores: pd.DataFrame) -> dict[str, str]:
    """Choose the median image of each group and the worst of all, by F1 at IoU 0.7.

    Args:
        scores: rows of a benchmark; F1 is the mean over its runs.

    Returns:
        What each image is, by its name.
    """
    rows = scores.assign(f1=f1(scores, f"{ERROR_IOU:.2f}"))
    by_image = rows.groupby(["group", "image"])["f1"].mean().sort_values(kind="stable")
    chosen = {by_image.index[0][1]: "the worst image"}
    for group, part in by_image.groupby(level=0):
        name = part.index[(len(part) - 1) // 2][1]
        chosen.setdefault(name, f"median of {group}")
    return chosen


def write_panels(
    folder: Path,
    field: Field,
    truth: np.ndarray,
    predictions: Iterable[tuple[str, np.ndarray]],
    options: Mapping[str, Any],
) -> None:
    """Write IMAGE/truth.png, and IMAGE/ENTRY_prediction.png and ENTRY_difference.png of each entry.

    In the truth, ground of which nothing is known is darker.

    Args:
        folder: to write to.
        field: the image.
        truth: (H, W) labels, negative where nothing is known.
        predictions: name and (H, W) labels of each entry.
        options: `channel`, `z` and `invert` of the image.
    """
    window = _window(truth.shape)
    reading = (options["channel"], options["z"], None, bool(options.get("invert")))
    grey = display_grey(read_image(field.image, *reading).pixels)[window]
    inside = ensure_folder(folder / field.name)
    known = np.where(truth[window] < 0, grey // 2, grey)
    write_colours(inside / "truth.png", draw_outlines(known, truth[window]))
    for entry, prediction in predictions:
        outlines = draw_outlines(grey, prediction[window])
        write_colours(inside / f"{entry}_prediction.png", outlines)
        differs = DIFFERENCE[difference(truth, prediction)[window]]
        write_colours(inside / f"{entry}_difference.png", differs)


def _window(shape: tuple[int, ...]) -> tuple[slice, ...]:
    """The middle of an image, SIDE px at most."""
    starts = [max(0, (length - SIDE) // 2) for length in shape]
    return tuple(slice(start, start + SIDE) for start in starts)
