"""From what the network gave to nuclei, and how sure the model is of each; needs no network."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np

from nucseg_tf.families.base import Family
from nucseg_tf.imaging.edges import Edges
from nucseg_tf.imaging.memory import is_exhausted
from nucseg_tf.imaging.window import Window, blocks
from nucseg_tf.inference.evidence import gather
from nucseg_tf.inference.measure import measure_instances
from nucseg_tf.inference.seams import Seams
from nucseg_tf.inference.stages.values import Found, Predicted
from nucseg_tf.io.tables import Table
from nucseg_tf.models.confidence import Confidence
from nucseg_tf.scale.choose import choose
from nucseg_tf.schema import Thresholds
from nucseg_tf.types import Instances

LOG = logging.getLogger(__name__)
SIDE = 2048  # px, of the blocks in which a large image is decoded
LEAST_SIDE = 512  # px, the same where memory is short
MARGIN = 128  # px that the network saw, around a block: about four diameters


class Decode:
    """The fourth stage.

    Args:
        family: of the network.
        thresholds: of its decoding.
        diameter: px, of the nuclei that the model knows best.
        confidence: makes probabilities of its scores; without, scores stay as they are.
        side: px, of the blocks in which a large image is decoded.
    """

    def __init__(
        self,
        family: Family,
        thresholds: Thresholds,
        diameter: float,
        confidence: Confidence | None = None,
        side: int = SIDE,
    ):
        self.family, self.thresholds, self.diameter = family, thresholds, diameter
        self.confidence, self.side = confidence, side

    def __call__(self, predicted: Predicted) -> Found:
        """Label the nuclei of an image."""
        found = self._find_within_memory(predicted)
        if self.confidence is None or not len(found.instances.scores):
            return found
        table, evidence = find_evidence(self.family, predicted, found)
        scores = self.confidence.probability(evidence)
        instances = Instances(found.instances.labels, scores)
        return replace(
            found, instances=instances, table=Table(dict(table.columns) | {"score": scores})
        )

    def _find_within_memory(self, predicted: Predicted) -> Found:
        """The nuclei; in smaller blocks, from then on, where memory does not suffice."""
        while True:
            side = self.side
            try:
                return self._find(predicted, side)
            except Exception as error:
                if not is_exhausted(error) or side <= LEAST_SIDE:
                    raise
            LOG.warning("%s: out of memory in blocks of %d px", predicted.image.path, side)
            self.side = min(self.side, side // 2)

    def _find(self, predicted: Predicted, side: int) -> Found:
        image, zooms = predicted.image, [level.zoom for level in predicted.levels]
        margin = round(MARGIN / min(zooms))
        parts = list(blocks(image.pixels.shape, max(side, 2 * margin)))
        if len(parts) == 1:
            instances, chosen = self._decode(predicted, parts[0])
        else:
            seams = Seams(image.pixels.shape)
            for block in parts:
                window = block.grown(margin)
                seams.add(block, window, *self._decode(predicted, window))
            instances, chosen = seams.join()
        if predicted.regions is None:
            return Found(image, instances)
        return Found(image, instances, chosen, np.array(zooms)[chosen])

    def _decode(self, predicted: Predicted, window: Window) -> tuple[Instances, np.ndarray | None]:
        """The nuclei of a window, and which level each is from if there are several."""
        unequal = predicted.image.aspect**0.5  # areas are of pixels that are not square
        views = [
            self.family.decode(level.data, window, self.thresholds.at(level.zoom * unequal))
            for level in predicted.levels
        ]
        if predicted.regions is None:
            return views[0], None
        zooms = [level.zoom for level in predicted.levels]
        return choose(views, zooms, self.diameter, predicted.regions, window.corner)


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
    chosen = np.zeros(len(table), int) if found.levels is None else found.levels

    def of_family(window: Window, edges: Edges, numbers: np.ndarray) -> dict[str, np.ndarray]:
        levels, count = chosen[numbers - 1], len(numbers)
        own = [family.evidence_of(x.data, window, edges, count) for x in predicted.levels]
        return {name: np.choose(levels, [each[name] for each in own]) for name in family.evidence}

    return table, gather(table, instances.labels, image.pixels, of_family)
