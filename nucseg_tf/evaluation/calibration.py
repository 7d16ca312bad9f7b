"""How sure a model may be of its nuclei: fits the section `confidence` of model.yaml.

A nucleus is right if it has an IoU of 0.7 with a true one. Of the nuclei of the validation fields a
logistic regression learns how that follows from their evidence (`inference.evidence`). The figures
that are quoted come from cross-validation: each field is judged by a fit that never saw it.

N nuclei, K kinds of evidence.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from nucseg_tf.data.fields import load_field
from nucseg_tf.evaluation.matching import overlap_table
from nucseg_tf.evaluation.scores import ERROR_IOU
from nucseg_tf.evaluation.tuning import Truth
from nucseg_tf.inference.options import Options
from nucseg_tf.inference.segmenter import Segmenter
from nucseg_tf.inference.stages.decode import Decode, find_evidence
from nucseg_tf.models.confidence import EVIDENCE, Confidence, Quality, probability
from nucseg_tf.schema import Thresholds
from nucseg_tf.types import Field

LOG = logging.getLogger(__name__)
FEWEST = 20  # right nuclei, and wrong ones; fewer say little
FEWEST_FIELDS = 5
FOLDS = 10
RIDGE = 1.0  # on the weights of evidence with a standard deviation of 1: a nucleus or so of doubt
STEPS, ENOUGH = 100, 1e-9
BINS = 10


@dataclass(frozen=True)
class Judged:
    """Nuclei of some fields and whether they are right.

    Attributes:
        evidence: (N, K) float64.
        right: (N,) bool.
        field: (N,) int64, number of the field that each lies in.
        score: (N,) float64, the raw score.
        names: of the K kinds of evidence.
    """

    evidence: np.ndarray
    right: np.ndarray
    field: np.ndarray
    score: np.ndarray
    names: tuple[str, ...]


def judge(
    segmenter: Segmenter, pairs: Iterable[Truth], thresholds: Thresholds | None = None
) -> Judged:
    """Find the nuclei of fields, and compare them with the true ones.

    Args:
        segmenter: the model.
        pairs: what the network gives of fields, and their true labels, negative where nothing is
            known; nuclei found there are not judged.
        thresholds: of decoding; the model's own without.
    """
    names = (*EVIDENCE, *segmenter.family.evidence)
    parts = [(np.zeros((0, len(names))), np.zeros(0, bool), np.zeros(0, np.int64), np.zeros(0))]
    decode = Decode(segmenter.family, thresholds or segmenter.thresholds, segmenter.info.diameter)
    for number, (predicted, truth) in enumerate(pairs):
        found = decode(predicted)
        instances = found.instances
        if not len(instances.scores):
            continue
        _, known = find_evidence(segmenter.family, predicted, found)
        columns = np.stack([np.asarray(known[name], np.float64) for name in names], axis=1)
        table = overlap_table(truth, instances.labels)
        best = np.zeros(len(table.pred_labels))
        np.maximum.at(best, table.pred_index, table.iou)
        counts = table.pred_labels - 1
        scores = np.asarray(instances.scores, np.float64)[counts]
        parts.append((columns[counts], best >= ERROR_IOU, np.full(len(best), number), scores))
    evidence, right, field, score = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Judged(evidence, right, field, score, names)


def predict_fields(
    segmenter: Segmenter,
    fields: Iterable[Field],
    channel: int | str | None = None,
    z: int | str | None = None,
) -> Iterator[Truth]:
    """What `judge` takes of fields, one after another; `channel` and `z` as of `read_image`."""
    for field in fields:
        pixels, truth = load_field(field, channel, z, segmenter.inverts(None))
        yield segmenter.predict_raw(pixels, Options()), truth


def calibrate(judged: Judged) -> Confidence | None:
    """Fit the confidence of a model.

    Returns:
        The section of model.yaml; None, with a warning, where there are too few nuclei or fields.
    """
    right, fields = judged.right, len(np.unique(judged.field))
    if fields < FEWEST_FIELDS or min(right.sum(), (~right).sum()) < FEWEST:
        LOG.warning(
            "%d right and %d wrong nuclei in %d fields are too few to calibrate scores: expected "
            "%d of each in %d fields. Scores stay raw",
            *(right.sum(), (~right).sum(), fields, FEWEST, FEWEST_FIELDS),
        )
        return None
    intercept, weights = fit(judged.evidence, right)
    honest = cross_validate(judged)
    return Confidence(
        iou=ERROR_IOU,
        intercept=round(intercept, 6),
        weights={n: round(float(w), 6) for n, w in zip(judged.names, weights, strict=True)},
        fields=fields,
        nuclei=len(right),
        raw=quality(right, judged.score),
        cross_validated=quality(right, honest),
    )


def fit(evidence: np.ndarray, right: np.ndarray) -> tuple[float, np.ndarray]:
    """Logistic regression by Newton's method, with a small ridge.

    Args:
        evidence: (N, K).
        right: (N,) bool.

    Returns:
        Intercept, and weights (K,).
    """
    middle, spread = evidence.mean(0), np.maximum(evidence.std(0), 1e-9)
    columns = np.column_stack([np.ones(len(right)), (evidence - middle) / spread])
    ridge = np.append(1e-6, np.full(evidence.shape[1], RIDGE))
    solution = np.zeros(columns.shape[1])
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-columns @ solution))
        slope = columns.T @ (chance - right) + ridge * solution
        curve = (columns * (chance * (1 - chance))[:, None]).T @ columns + np.diag(ridge)
        step = np.linalg.solve(curve, slope)
        solution -= step
        if np.abs(step).max() < ENOUGH:
            break
    weights = solution[1:] / spread
    return float(solution[0] - weights @ middle), weights


def cross_validate(judged: Judged) -> np.ndarray:
    """The confidence in each nucleus by a fit to other fields, (N,) in [0, 1].

    Fields are dealt to ten parts, or one each where there are fewer, by a draw that is always the
    same.
    """
    fields = np.unique(judged.field)
    parts = np.random.default_rng(0).permutation(len(fields)) % FOLDS
    part = parts[np.searchsorted(fields, judged.field)]
    out = np.zeros(len(judged.right))
    for number in np.unique(part):
        own = part == number
        intercept, weights = fit(judged.evidence[~own], judged.right[~own])
        named = dict(zip(judged.names, weights, strict=True))
        columns = dict(zip(judged.names, judged.evidence[own].T, strict=True))
        out[own] = probability(intercept, named, columns)
    return out


def quality(right: np.ndarray, chance: np.ndarray) -> Quality:
    """How good probabilities (N,) of being right (N,) are."""
    return Quality(auc=_short(auc(right, chance)), ece=_short(calibration_error(right, chance)))


def auc(right: np.ndarray, chance: np.ndarray) -> float:
    """Area under the ROC curve, in [0, 1]; 0.5 where all nuclei are right, or all wrong.

    >>> auc(np.array([True, False, True]), np.array([0.9, 0.5, 0.5]))
    0.75
    """
    count = int(right.sum())
    pairs = count * (len(right) - count)
    ranks = rankdata(chance)[right].sum() - count * (count + 1) / 2
    return float(ranks / pairs) if pairs else 0.5


def bins(right: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Nuclei, mean probability and share of right ones in each tenth of [0, 1] that has any.

    Args:
        right: (N,) bool.
        chance: (N,) in [0, 1].

    Returns:
        (B, 3) float64.
    """
    number = np.minimum((chance * BINS).astype(np.int64), BINS - 1)
    count = np.bincount(number, minlength=BINS)
    sums = [np.bincount(number, values, BINS) for values in (chance, right)]
    filled = count > 0
    return np.column_stack([count, *(part / np.maximum(count, 1) for part in sums)])[filled]


def calibration_error(right: np.ndarray, chance: np.ndarray) -> float:
    """Expected calibration error (Guo et al. 2017): mean over nuclei of how far their tenth is off.

    >>> calibration_error(np.array([True, False, True, True]), np.full(4, 0.95)).__round__(3)
    0.2
    """
    count, mean, share = bins(right, chance).T
    return float((count * np.abs(mean - share)).sum() / max(count.sum(), 1))


def _short(value: float) -> float:
    return round(value, 4)
