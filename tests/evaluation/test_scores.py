from __future__ import annotations

import json

import numpy as np
import pytest
from reference.drawn import PREDICTION, TRUTH, draw
from reference.naive_scores import naive_f1, naive_pq

from nucseg_tf.errors import DataError
from nucseg_tf.evaluation.scores import THRESHOLDS, Counts, score_image, summarise


def test_drawn_case():
    score = score_image(draw(TRUTH), draw(PREDICTION))
    assert (score.n_truth, score.n_pred) == (5, 6)
    assert (score.splits, score.merges) == (1, 1)
    # At 0.5: 1 (IoU 1), one half of 2 (6/12), and 3 with the merged one (9/15).
    assert score.counts["0.50"] == Counts(tp=3, fp=3, fn=2)
    assert score.counts["0.60"] == Counts(tp=2, fp=4, fn=3)
    assert score.counts["0.65"] == Counts(tp=1, fp=5, fn=4)
    assert (score.false_positives, score.false_negatives) == (5, 4)
    assert score.mean_matched_iou == pytest.approx((1 + 0.5 + 0.6) / 3)
    assert score.pq == pytest.approx(2.1 / (3 + 3 / 2 + 2 / 2))
    assert score.mean_truth_area == pytest.approx((9 + 12 + 9 + 6 + 2) / 5)


def test_swapping_truth_and_prediction_swaps_the_errors():
    score = score_image(draw(PREDICTION), draw(TRUTH))
    assert score.counts["0.50"] == Counts(tp=3, fp=2, fn=3)
    assert (score.false_positives, score.false_negatives) == (4, 5)
    assert (score.splits, score.merges) == (1, 1)


def test_a_split_is_not_a_merge():
    whole, halves = draw("1111"), draw("1122")
    assert (score_image(whole, halves).splits, score_image(whole, halves).merges) == (1, 0)
    assert (score_image(halves, whole).splits, score_image(halves, whole).merges) == (0, 1)


def test_ratios():
    counts = Counts(tp=6, fp=2, fn=4)
    assert counts.f1 == 12 / 18
    assert counts.ap == 6 / 12
    assert counts.precision == 6 / 8
    assert counts.recall == 6 / 10


def test_rows_and_columns_count_alike():
    truth, prediction = draw(TRUTH), draw(PREDICTION)
    assert score_image(truth, prediction) == score_image(truth.T, prediction.T)
    shifted = np.roll(prediction, 1, axis=1)
    assert score_image(truth, shifted) != score_image(truth, np.roll(prediction, 1, axis=0))


@pytest.mark.parametrize("seed", range(20))
def test_equals_the_naive_scores(seed):
    rng = np.random.default_rng(seed)
    truth = np.kron(rng.integers(0, 6, (3, 4)), np.ones((4, 3), int))
    noisy = rng.random(truth.shape) < 0.3
    prediction = np.where(noisy, rng.integers(0, 5, truth.shape), truth)
    thresholds = (0.1, 0.3, *THRESHOLDS)
    score = score_image(truth, prediction, thresholds)
    assert score.pq == pytest.approx(naive_pq(truth, prediction))
    for threshold in thresholds:
        f1 = score.counts[f"{threshold:.2f}"].f1
        assert f1 == pytest.approx(naive_f1(truth, prediction, threshold))


def test_an_iou_equal_to_the_threshold_matches():
    # 17 of 20 px: 0.5 + 7 * 0.05 exceeds 0.85 in floating point, the threshold must not.
    score = score_image(draw("1" * 20), draw("1" * 17 + "..."))
    assert score.counts["0.85"].tp == 1
    assert score.counts["0.90"].tp == 0


@pytest.mark.parametrize(
    ("truth", "prediction", "expected"), [("..", "..", 1), ("..", ".1", 0), ("1.", "..", 0)]
)
def test_empty_images(truth, prediction, expected):
    score = score_image(draw(truth), draw(prediction))
    counts = score.counts["0.50"]
    assert {score.pq, counts.f1, counts.ap, counts.precision, counts.recall} == {expected}
    assert score.mean_matched_iou is None
    json.dumps(score.to_dict(), allow_nan=False)


def test_summary_pools_nuclei_and_averages_images():
    right = score_image(draw("1.2.3"), draw("1.2.3"))
    wrong = score_image(draw("1...."), draw("..2.3"))
    summary = summarise([right, wrong])
    row = summary["thresholds"]["0.50"]
    assert (row["tp"], row["fp"], row["fn"]) == (3, 2, 1)
    assert row["f1"] == pytest.approx(6 / 9)
    assert row["ap"] == pytest.approx(3 / 6)
    assert row["mean_f1"] == row["mean_ap"] == summary["mean_pq"] == 0.5
    assert summary["pq"] == pytest.approx(3 / (3 + 2 / 2 + 1 / 2))
    assert (summary["images"], summary["n_truth"], summary["n_pred"]) == (2, 4, 5)
    assert (summary["false_negatives"], summary["false_positives"]) == (1, 2)
    assert summary["mean_truth_area"] == 1
    assert summary["mean_truth_diameter"] == pytest.approx(2 / np.sqrt(np.pi))
    json.dumps(summary, allow_nan=False)


def test_summary_of_nothing_is_refused():
    with pytest.raises(DataError, match="no image"):
        summarise([])
