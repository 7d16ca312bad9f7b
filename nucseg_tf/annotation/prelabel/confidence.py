"""How sure a method is of each nucleus: does it find the same one when it looks again?

    agreement  = mean over the views of the IoU with the best-fitting nucleus of that view
    confidence = (score + agreement) / 2, or what is there of the two; in [0, 1]

A model's views are the image mirrored and turned; its score says that there is a nucleus, the
agreement where it ends. The classical method has no score, and its views are other thresholds. A
model whose scores are calibrated needs no views: its score is the probability that the nucleus is
right, see `models.confidence`.
`docs/prelabel.md` says how well this tells wrong nuclei from right ones.

Letters: H rows, W columns, N nuclei of the labels that are judged, 1..N.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from nucseg_tf.annotation.prelabel.classical import Classical, cut
from nucseg_tf.annotation.prelabel.foreground import Prepared
from nucseg_tf.evaluation.matching import best_iou
from nucseg_tf.imaging.symmetry import COUNT, turn, turn_back

if TYPE_CHECKING:
    from nucseg_tf.inference.segmenter import Segmenter

# Factors of the threshold, in this order. Nearer to 1 they tell wrong nuclei less well: AUC 0.74
# at 0.9 and 1.1, and 0.79 at 0.8 and 1.25.
FACTORS = (0.8, 1.25, 0.7, 1.4, 0.9, 1.1, 0.6)
MOST_VIEWS = min(COUNT - 1, len(FACTORS))


def confidence(scores: np.ndarray | None, agreements: np.ndarray | None, nuclei: int) -> np.ndarray:
    """Confidence in each nucleus.

    Args:
        scores: (N,) in [0, 1], or None of a method without.
        agreements: (N,) in [0, 1], or None where there were no views.
        nuclei: N.

    Returns:
        (N,) float64 in [0, 1]; NaN where nothing is known.
    """
    known = [np.asarray(part, np.float64) for part in (scores, agreements) if part is not None]
    return np.mean(known, axis=0) if known else np.full(nuclei, np.nan)


def agreement(labels: np.ndarray, views: Iterable[np.ndarray]) -> np.ndarray | None:
    """Mean over views of the IoU of each nucleus with the one that fits it best.

    Args:
        labels: (H, W) int32, 0 background, 1..N.
        views: label images (H, W) of the same nuclei, numbered as they like.

    Returns:
        (N,) float64 in [0, 1], or None without views.
    """
    found = [best_iou(labels, view) for view in views]
    return np.mean(found, axis=0) if found else None


def turned_views(
    segmenter: Segmenter, image: np.ndarray, count: int, **options: Any
) -> Iterator[np.ndarray]:
    """Labels that a model gives an image mirrored and turned, mapped back; (H, W) each.

    Args:
        segmenter: the model.
        image: (H, W).
        count: how many, 0 to 7: symmetries of the square, see `inference.symmetry`.
        options: pixel size, diameter and tile, as `Segmenter.predict_instances` takes them.
    """
    for number in range(1, count + 1):
        turned = np.ascontiguousarray(turn(image, number))
        labels = segmenter.predict_instances(turned, **options).labels
        yield np.ascontiguousarray(turn_back(labels, number))


def threshold_views(prepared: Prepared, settings: Classical, count: int) -> Iterator[np.ndarray]:
    """Labels that the classical method gives at `count` other thresholds; (H, W) each."""
    for factor in FACTORS[:count]:
        yield cut(prepared, settings, factor)
