"""Scores of one image, and of many.

A true positive (TP) at threshold t is a pair, matched one to one, with IoU >= t; a false negative
(FN) is a true nucleus without match, a false positive (FP) a predicted one. Then
F1 = 2 TP / (2 TP + FP + FN), AP = TP / (TP + FP + FN), and the panoptic quality
PQ = sum of matched IoU / (TP + FP / 2 + FN / 2), at IoU 0.5 (Kirillov et al. 2019).

An image without true and without predicted nuclei is right: every ratio is 1. With one of the
two missing, every ratio is 0, those whose denominator vanishes (recall without truth) included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nucseg_tf.errors import DataError
from nucseg_tf.evaluation.matching import OverlapTable, match_rows, overlap_table

# Rounded: 0.5 + 7 * 0.05 exceeds 0.85, so that an IoU of exactly 0.85 would not match.
THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
# The IoU at which PQ is defined, the IoU at which FN and FP are listed as error types, and the
# overlap that makes a split or merge (the latter two from Zaki et al. 2020, "A Deep Learning
# Pipeline for Nucleus Segmentation").
PQ_IOU = 0.5
ERROR_IOU = 0.7
TOUCH_IOU = 0.1


@dataclass(frozen=True)
class Counts:
    """Matches and errors at one threshold; all ratios are in [0, 1]."""

    tp: int
    fp: int
    fn: int

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN)."""
        return self._ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def ap(self) -> float:
        """TP / (TP + FP + FN)."""
        return self._ratio(self.tp, self.tp + self.fp + self.fn)

    @property
    def precision(self) -> float:
        """TP / (TP + FP)."""
        return self._ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """TP / (TP + FN)."""
        return self._ratio(self.tp, self.tp + self.fn)

    def _ratio(self, part: int, whole: int) -> float:
        nothing_to_find = self.tp + self.fp + self.fn == 0
        return 1.0 if nothing_to_find else part / whole if whole else 0.0

    def to_dict(self) -> dict[str, float]:
        """Counts and ratios, ready for JSON."""
        names = ("tp", "fp", "fn", "f1", "ap", "precision", "recall")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class ImageScore:
    """What was right and wrong in one image.

    Attributes:
        n_truth: true nuclei.
        n_pred: predicted nuclei.
        counts: by threshold, written with two decimals ("0.50").
        n_matched: pairs matched at IoU 0.5.
        matched_iou: sum of their IoU.
        splits: true nuclei with more than one prediction at IoU >= 0.1.
        merges: predictions with more than one true nucleus at IoU >= 0.1.
        false_negatives: true nuclei without match at IoU 0.7.
        false_positives: predictions without match at IoU 0.7.
        truth_area: total area of the true nuclei, px.
        truth_diameter: sum over true nuclei of the diameter of the circle of their area, px.
    """

    n_truth: int
    n_pred: int
    counts: dict[str, Counts]
    n_matched: int
    matched_iou: float
    splits: int
    merges: int
    false_negatives: int
    false_positives: int
    truth_area: float
    truth_diameter: float

    @property
    def pq(self) -> float:
        """Panoptic quality; its denominator TP + FP / 2 + FN / 2 is the mean number of nuclei."""
        nuclei = self.n_truth + self.n_pred
        return 2 * self.matched_iou / nuclei if nuclei else 1.0

    @property
    def mean_matched_iou(self) -> float | None:
        """Mean IoU of the pairs matched at 0.5; None without any."""
        return self.matched_iou / self.n_matched if self.n_matched else None

    @property
    def mean_truth_area(self) -> float | None:
        """Mean area of the true nuclei, px; None without any."""
        return self.truth_area / self.n_truth if self.n_truth else None

    @property
    def mean_truth_diameter(self) -> float | None:
        """Mean diameter of the true nuclei, px; None without any."""
        return self.truth_diameter / self.n_truth if self.n_truth else None

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        thresholds = {key: counts.to_dict() for key, counts in self.counts.items()}
        return {**{name: getattr(self, name) for name in _PLAIN}, "thresholds": thresholds}


_PLAIN = (
    "n_truth",
    "n_pred",
    "pq",
    "mean_matched_iou",
    "splits",
    "merges",
    "false_negatives",
    "false_positives",
    "mean_truth_area",
    "mean_truth_diameter",
)


def score_image(
    truth: np.ndarray, prediction: np.ndarray, thresholds: Sequence[float] = THRESHOLDS
) -> ImageScore:
    """Score the labels predicted for one image.

    Args:
        truth: (H, W) integer, 0 background, negative where nothing is known; see `matching`.
        prediction: (H, W) integer, 0 background.
        thresholds: IoU in (0, 1] at which to count.

    Raises:
        LabelError: where the two are not label images of one shape.
        ValueError: where a threshold is out of range.
    """
    return score_table(overlap_table(truth, prediction), thresholds)


def score_table(table: OverlapTable, thresholds: Sequence[float] = THRESHOLDS) -> ImageScore:
    """Do what `score_image` does, with the overlaps of an image at hand."""
    matched = table.iou[match_rows(table, PQ_IOU)]
    errors = _count(table, ERROR_IOU)
    touching = table.iou >= TOUCH_IOU
    return ImageScore(
        n_truth=len(table.truth_labels),
        n_pred=len(table.pred_labels),
        counts={f"{threshold:.2f}": _count(table, threshold) for threshold in thresholds},
        n_matched=len(matched),
        matched_iou=float(matched.sum()),
        splits=int(np.sum(np.bincount(table.truth_index[touching]) > 1)),
        merges=int(np.sum(np.bincount(table.pred_index[touching]) > 1)),
        false_negatives=errors.fn,
        false_positives=errors.fp,
        truth_area=float(table.truth_areas.sum()),
        truth_diameter=float(np.sqrt(table.truth_areas * 4 / np.pi).sum()),
    )


def summarise(scores: Sequence[ImageScore]) -> dict[str, Any]:
    """Score a set of images.

    Args:
        scores: of the images, all at the same thresholds.

    Returns:
        The keys of `ImageScore.to_dict`, and `images`, the number of images. Counts are sums, and
        ratios pooled: worked out from the sums, so that each nucleus counts the same. Beside them
        stand `mean_pq` and, for each threshold, `mean_f1` and `mean_ap`: means over images, where
        each image counts the same.

    Raises:
        DataError: without any image.
    """
    if not scores:
        raise DataError("there is no image to score")
    pooled = _pool(scores)
    summary = {"images": len(scores), **pooled.to_dict()}
    summary["mean_pq"] = float(np.mean([score.pq for score in scores]))
    for key, row in summary["thresholds"].items():
        row["mean_f1"] = float(np.mean([score.counts[key].f1 for score in scores]))
        row["mean_ap"] = float(np.mean([score.counts[key].ap for score in scores]))
    return summary


def _pool(scores: Sequence[ImageScore]) -> ImageScore:
    """Add the images up, as if they were one large image."""
    names = [name for name in ImageScore.__dataclass_fields__ if name != "counts"]
    sums = {name: sum(getattr(score, name) for score in scores) for name in names}
    counts = {
        key: Counts(*(sum(getattr(s.counts[key], n) for s in scores) for n in ("tp", "fp", "fn")))
        for key in scores[0].counts
    }
    return ImageScore(counts=counts, **sums)


def _count(table: OverlapTable, threshold: float) -> Counts:
    """Matches and errors of one image at one threshold."""
    tp = len(match_rows(table, threshold))
    return Counts(tp=tp, fp=len(table.pred_labels) - tp, fn=len(table.truth_labels) - tp)
