"""From a model's raw score, and what can be seen of a nucleus, to a probability.

    confidence = 1 / (1 + exp(-(intercept + sum of weight * evidence)))

is the probability that the nucleus reaches an IoU with a true one. The numbers are fitted on the
validation fields of each model (`evaluation.calibration`) and stand in its model.yaml, section
`confidence`; a model without it has raw scores. N nuclei.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import numpy as np
from pydantic import Field as Limits

from nucseg_tf.schema import Count, Fraction, Strict

# What every family has, see `inference.evidence`; families add their own (`Family.evidence`).
EVIDENCE = ("score", "size", "solidity", "roundness", "weak_outline", "dimness")
Finite = Annotated[float, Limits(allow_inf_nan=False)]
MOST = 30.0  # of the exponent: probabilities beyond are 0 and 1 in every respect


class Quality(Strict):
    """How good probabilities are, on fields that had no part in the fit."""

    auc: Fraction  # area under the ROC curve: how often a right nucleus has more than a wrong one
    ece: Fraction  # expected calibration error


class Confidence(Strict):
    """The section `confidence` of model.yaml."""

    iou: Fraction  # with a true nucleus, from which on a nucleus is right
    intercept: Finite
    weights: Annotated[dict[str, Finite], Limits(min_length=1)]  # by name of the evidence
    fields: Count  # fitted on
    nuclei: Count
    raw: Quality  # of the raw score
    cross_validated: Quality  # of the confidence

    def probability(self, evidence: Mapping[str, np.ndarray]) -> np.ndarray:
        """The confidence in each nucleus, (N,) float32 in [0, 1], by its evidence, (N,) each."""
        return probability(self.intercept, self.weights, evidence)


def probability(
    intercept: float, weights: Mapping[str, float], evidence: Mapping[str, np.ndarray]
) -> np.ndarray:
    """The equation of the module, (N,) float32 in [0, 1].

    >>> probability(0.0, {"score": 2.0}, {"score": np.array([0.0, 100.0])}).tolist()
    [0.5, 1.0]
    """
    total = intercept + sum(weight * evidence[name] for name, weight in weights.items())
    return (1 / (1 + np.exp(-np.clip(total, -MOST, MOST)))).astype(np.float32)
