"""The fit of probabilities finds what is known, and what is quoted of it is honest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from reference.drawn import drawn_nuclei

from nucseg_tf.evaluation.calibration import (
    Judged,
    auc,
    bins,
    calibrate,
    calibration_error,
    cross_validate,
    fit,
    judge,
)
from nucseg_tf.evaluation.card import confidence_note, with_confidence
from nucseg_tf.evaluation.reliability import write_reliability
from nucseg_tf.inference.stages.values import Predicted
from nucseg_tf.models.confidence import EVIDENCE, probability
from nucseg_tf.models.zoo import ModelInfo
from nucseg_tf.schema import Thresholds, of_family
from nucseg_tf.types import Image, Instances

INTERCEPT, WEIGHTS = 1.0, np.array([1.5, -2.0, 0.0])


def nuclei(count=20_000, fields=40, seed=0) -> Judged:
    """Nuclei that are right as often as a logistic model says; their score is too high."""
    rng = np.random.default_rng(seed)
    evidence = rng.normal(size=(count, 3)) * (1.0, 0.5, 30.0) + (0.0, 0.3, 400.0)
    chance = 1 / (1 + np.exp(-(INTERCEPT + evidence @ WEIGHTS)))
    right = rng.random(count) < chance
    score = 1 / (1 + np.exp(-evidence[:, 0] - 2))
    return Judged(evidence, right, np.arange(count) % fields, score, ("a", "b", "c"))


def test_fit_recovers_what_is_known():
    judged = nuclei()
    intercept, weights = fit(judged.evidence, judged.right)
    np.testing.assert_allclose(weights, WEIGHTS, atol=0.15)  # three standard errors
    chance = probability(intercept, dict(zip("abc", weights, strict=True)), columns(judged))
    known = 1 / (1 + np.exp(-(INTERCEPT + judged.evidence @ WEIGHTS)))
    assert np.abs(chance - known).mean() < 0.015
    np.testing.assert_allclose(chance, known, atol=0.08)  # of the most unusual of 20,000


def columns(judged: Judged) -> dict[str, np.ndarray]:
    return dict(zip(judged.names, judged.evidence.T, strict=True))


def test_confidence_is_better_than_the_score_and_well_calibrated():
    judged = nuclei(4000)
    found = calibrate(judged)
    assert (found.fields, found.nuclei, found.iou) == (40, 4000, 0.7)
    assert found.cross_validated.auc > found.raw.auc + 0.02
    assert found.cross_validated.ece < 0.03 < found.raw.ece
    chance = found.probability(columns(judged))
    assert chance.min() >= 0
    assert chance.max() <= 1


def test_noise_does_not_look_good_when_it_is_cross_validated():
    """A field is never judged by a fit that saw it: evidence that tells fields apart is no help."""
    rng = np.random.default_rng(2)
    field = np.repeat(np.arange(24), 10)
    right = np.repeat(rng.random(24) < 0.5, 10)
    evidence = np.eye(24)[field] + rng.normal(0, 0.01, (240, 24))
    judged = Judged(evidence, right, field, np.full(240, 0.5), tuple("abcdefghijklmnopqrstuvwx"))
    chance = fit(evidence, right)
    assert auc(right, evidence @ chance[1]) > 0.99
    assert auc(right, cross_validate(judged)) < 0.7


def test_the_same_whichever_numbers_fields_have():
    judged = nuclei(600, 7)
    other = replace(judged, field=judged.field * 11 + 3)
    np.testing.assert_array_equal(cross_validate(judged), cross_validate(other))


def test_all_of_one_kind_and_constant_evidence_can_be_fitted():
    evidence = np.ones((30, 2))
    for right in (np.full(30, True), np.full(30, False), np.arange(30) < 15):
        intercept, weights = fit(evidence, right)
        assert np.isfinite([intercept, *weights]).all()


@pytest.mark.parametrize(
    ("count", "fields", "right"), [(400, 4, None), (400, 40, True), (400, 40, False), (0, 1, None)]
)
def test_too_little_to_learn_from_is_a_warning(count, fields, right, caplog):
    judged = nuclei(count, fields)
    if right is not None:
        judged = replace(judged, right=np.full(count, right))
    assert calibrate(judged) is None
    assert "too few to calibrate" in caplog.text


def test_auc_counts_pairs():
    rng = np.random.default_rng(3)
    right, chance = rng.random(50) < 0.6, rng.integers(0, 9, 50) / 9
    pairs = chance[right][:, None] - chance[~right]
    assert auc(right, chance) == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean())
    assert auc(np.ones(3, bool), np.ones(3)) == 0.5


def test_calibration_error_by_hand():
    # Two of four are right where 0.25 is said, in one tenth; one of one where it is 1.0.
    right = np.array([True, True, False, False, True])
    chance = np.array([0.25, 0.25, 0.25, 0.25, 1.0])
    np.testing.assert_allclose(bins(right, chance), [[4, 0.25, 0.5], [1, 1, 1]])
    assert calibration_error(right, chance) == pytest.approx(4 * 0.25 / 5)
    assert calibration_error(np.zeros(0, bool), np.zeros(0)) == 0


def test_judge_compares_with_the_truth():
    image, truth = drawn_nuclei()
    found = truth.copy()
    found[truth == 1] = 0
    first = np.flatnonzero(truth == 1)
    found.ravel()[first[: len(first) // 3]] = 1  # a third of nucleus 1: wrong
    scores = np.linspace(0.5, 0.9, truth.max()).astype(np.float32)
    family = SimpleNamespace(
        evidence=(),
        evidence_of=lambda raw, shape, edges, nuclei: {},
        decode=lambda raw, shape, thresholds: Instances(raw, scores[: raw.max()]),
    )
    info = SimpleNamespace(diameter=20.0)
    segmenter = SimpleNamespace(family=family, thresholds=Thresholds(), info=info)
    seen = Image(image, None, Path("a.png"))
    values = range(1, truth.max() + 1)
    fields = [(Predicted(seen, raw), truth) for raw in (np.zeros_like(truth), found)]
    judged = judge(segmenter, fields)
    assert judged.right.tolist() == [False] + [True] * (truth.max() - 1)
    assert set(judged.field) == {1}  # nothing was found in the first
    assert judged.names == EVIDENCE
    assert judged.evidence.shape == (truth.max(), len(EVIDENCE))
    np.testing.assert_array_equal(judged.score, scores)
    truth[: len(truth) // 2] = -1  # of most of the nuclei nothing is known
    counts = [2 * ((found == i) & (truth < 0)).sum() <= (found == i).sum() for i in values]
    some = judge(segmenter, [(Predicted(seen, found), truth)])
    assert 0 < sum(counts) < len(counts)
    np.testing.assert_array_equal(some.score, scores[counts])
    np.testing.assert_array_equal(some.evidence, judged.evidence[counts])
    empty = judge(segmenter, [])
    assert empty.evidence.shape == (0, len(EVIDENCE))


def test_the_card_says_what_scores_are():
    info = of_family(ModelInfo, "fpn2ws")(
        name="m", architecture={"family": "fpn2ws"}, diameter=20.0
    )
    raw = with_confidence("# m\n\nText.\n", info)
    assert raw.startswith("# m\n\nText.\n\nScores of nuclei are not calibrated")
    judged = nuclei(2000)
    fitted = calibrate(judged).model_copy(update={"weights": {"score": 1.0}})
    better = with_confidence(raw + "\nThe end.\n", info.model_copy(update={"confidence": fitted}))
    assert better.count("Scores of nuclei are") == 1
    assert "IoU of 0.7" in better
    assert better.endswith("\n\nThe end.\n")
    assert confidence_note(info) not in better


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_the_figure_is_drawn(tmp_path, suffix):
    judged = nuclei(500)
    file = tmp_path / f"reliability{suffix}"
    models = {"one": (judged, cross_validate(judged)), "two": (judged, judged.score)}
    write_reliability(file, models, 0.7)
    first = file.read_bytes()
    write_reliability(file, models, 0.7)
    assert file.read_bytes() == first
    assert len(first) > 5000
