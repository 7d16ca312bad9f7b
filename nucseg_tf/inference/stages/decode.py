"""From what the network gave to nuclei, and how sure the model is of each; needs no network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nucseg_tf.families.base import Family
from nucseg_tf.imaging.edges import find_edges
from nucseg_tf.inference.evidence import gather
from nucseg_tf.inference.measure import measure_instances
from nucseg_tf.inference.stages.values import Found, Level, Predicted
from nucseg_tf.io.tables import Table
from nucseg_tf.models.confidence import Confidence
from nucseg_tf.scale.choose import choose
from nucseg_tf.schema import Thresholds
from nucseg_tf.types import Instances


class Decode:
    """The fourth stage.

    Args:
        family: of the network.
        thresholds: of its decoding.
        diameter: px, of the nuclei that the model knows best.
        confidence: makes probabilities of its scores; without, scores stay as they are.
    """

    def __init__(
        self,
        family: Family,
        thresholds: Thresholds,
        diameter: float,
        confidence: Confidence | None = None,
    ):
        self.family, self.thresholds, self.diameter = family, thresholds, diameter
        self.confidence = confidence

    def __call__(self, predicted: Predicted) -> Found:
        """Label the nuclei of an image."""
        found = self._find(predicted)
        if self.confidence is None or not len(found.instances.scores):
            return found
        table, evidence = find_evidence(self.family, predicted, found)
        scores = self.confidence.probability(evidence)
        instances = Instances(found.instances.labels, scores)
        return replace(
            found, instances=instances, table=Table(dict(table.columns) | {"score": scores})
        )

    def _find(self, predicted: Predicted) -> Found:
        image, regions = predicted.image, predicted.regions
        views = [self._decode(level, image.pixels.shape) for level in predicted.levels]
        if regions is None:
            return Found(image, views[0])
        zooms = [level.zoom for level in predicted.levels]
        instances, chosen = choose(views, zooms, self.diameter, regions)
        return Found(image, instances, chosen, np.array(zooms)[chosen])

    def _decode(self, level: Level, shape: tuple[int, int]) -> Instances:
        return self.family.decode(level.data, shape, self.thresholds.at(level.zoom))


def find_evidence(
    family: Family, predicted: Predicted, found: Found
) -> tuple[Table, dict[str, np.ndarray]]:
    """What speaks for and against the nuclei of an image, one at least.

    Args:
        family: of the network.
        predicted: what the network gave.
        found: nuclei, with raw scores.

    Returns:
        The table of `measure_instances`, and (N,) each by name; see `inference.evidence`.
    """
    image, instances = predicted.image, found.instances
    table = measure_instances(image, instances)
    edges, shape = find_edges(instances.labels), image.pixels.shape
    own = [family.evidence_of(x.data, shape, edges, len(table)) for x in predicted.levels]
    chosen = np.zeros(len(table), int) if found.levels is None else found.levels
    fitting = {name: np.choose(chosen, [each[name] for each in own]) for name in family.evidence}
    return table, gather(table, image.pixels, edges) | fitting
