"""From what the network gave to nuclei, and how sure the model is of each; needs no network."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from nucseg_tf.families.base import Family
from nucseg_tf.imaging.edges import find_edges
from nucseg_tf.inference.evidence import gather
from nucseg_tf.inference.measure import measure
from nucseg_tf.inference.stages.values import Found, Predicted
from nucseg_tf.models.confidence import Confidence
from nucseg_tf.schema import Thresholds
from nucseg_tf.types import Image, Instances


class Decode:
    """The fourth stage.

    Args:
        family: of the network.
        thresholds: of its decoding.
        confidence: makes probabilities of its scores; without, scores stay as they are.
    """

    def __init__(
        self, family: Family, thresholds: Thresholds, confidence: Confidence | None = None
    ):
        self.family, self.thresholds, self.confidence = family, thresholds, confidence

    def __call__(self, predicted: Predicted) -> Found:
        """Label the nuclei of an image."""
        image, raw = predicted.image, predicted.raw
        found = self.family.decode(raw, image.pixels.shape, self.thresholds)
        if self.confidence is None or not len(found.scores):
            return Found(image, found)
        table, evidence = find_evidence(self.family, raw, image, found)
        scores = self.confidence.probability(evidence)
        return Found(image, Instances(found.labels, scores), table.assign(score=scores))


def find_evidence(
    family: Family, raw: Any, image: Image, found: Instances
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """What speaks for and against the nuclei of an image, one at least.

    Args:
        family: of the network.
        raw: what the network gave.
        image: as read.
        found: nuclei, with raw scores.

    Returns:
        The table of `measure`, and (N,) each by name; see `inference.evidence`.
    """
    table = measure(found.labels, image.pixels, found.scores, image.pixel_size)
    edges = find_edges(found.labels)
    return table, gather(table, image.pixels, edges) | family.evidence_of(raw, edges, len(table))
