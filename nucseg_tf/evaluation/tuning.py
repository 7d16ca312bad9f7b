"""Decoding thresholds of a trained network, found on the validation fields.

H rows, W columns.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any, TypeVar

import numpy as np

from nucseg_tf.evaluation.scores import score_image
from nucseg_tf.schema import Thresholds

LOG = logging.getLogger(__name__)
TUNED_AT = (0.5, 0.7, 0.9)  # IoU thresholds whose mean AP the decoding thresholds maximise
ROUNDS = 2
Truth = tuple[Any, np.ndarray]  # what the network gives, and labels (H, W)
Own = TypeVar("Own", bound=Thresholds)


def mean_ap(pairs: Sequence[Truth], decode: Callable, settings: Thresholds) -> float:
    """Mean over images and `TUNED_AT` of AP, in [0, 1]."""
    scores = [score_image(labels, decode(raw, settings).labels, TUNED_AT) for raw, labels in pairs]
    return float(np.mean([[count.ap for count in score.counts.values()] for score in scores]))


def tune(
    pairs: Sequence[Truth],
    decode: Callable,
    start: Own,
    grid: Mapping[str, tuple[Any, ...]],
    rounds: int = ROUNDS,
    worth: float = 0.0,
) -> Own:
    """Find decoding thresholds by coordinate ascent.

    Args:
        pairs: what the network gives of the validation fields, and their true labels.
        decode: makes nuclei of it, given thresholds too.
        start: thresholds to begin with; kept where nothing is better.
        grid: values of each threshold to try.
        rounds: passes over all thresholds at most.
        worth: mean AP by which another value has to be better than the one it replaces.

    Returns:
        The best settings met.
    """
    best, best_score = start, mean_ap(pairs, decode, start)
    tried = {best: best_score}
    for _, (name, values) in product(range(rounds), grid.items()):
        for value in values:
            settings = best.model_copy(update={name: value})
            if settings not in tried:
                tried[settings] = mean_ap(pairs, decode, settings)
            if tried[settings] > best_score + worth:
                best, best_score = settings, tried[settings]
        LOG.info("tuned %s: %s, mean AP %.4f", name, getattr(best, name), best_score)
    return best
