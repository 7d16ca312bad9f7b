"""How labels are put right by the true ones, and how many corrections that takes.

A nucleus is right if its IoU with a true one is RIGHT or more; its outline stays as it is then. One
correction is a true nucleus drawn anew (which also joins its parts, or parts it from a neighbour),
one added that was missed, or one deleted that is none.

H rows, W columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nucseg_tf.evaluation.matching import match, overlap_table
from nucseg_tf.io.boxes import Box, slices

RIGHT = 0.7


@dataclass(frozen=True)
class Corrected:
    """What an annotator leaves.

    Attributes:
        labels: (H, W) int32.
        nuclei: that are in the box in the end.
        deleted: that were none.
        drawn: of those in the end; the others were right.
    """

    labels: np.ndarray
    nuclei: int
    deleted: int
    drawn: int

    @property
    def looked(self) -> int:
        """Nuclei looked at."""
        return self.nuclei + self.deleted

    @property
    def corrections(self) -> int:
        """Nuclei touched."""
        return self.drawn + self.deleted


def correct(labels: np.ndarray, truth: np.ndarray, box: Box) -> Corrected:
    """Put all nuclei right that lie in a box or reach into it.

    Args:
        labels: (H, W) int32, to be corrected; stays as it is.
        truth: (H, W) int32.
        box: (y0, x0, y1, x1), px, half-open.
    """
    pairs = match(table := overlap_table(truth, labels), RIGHT)
    right = set(table.truth_labels[pairs[:, 0]].tolist())
    kept = set(table.pred_labels[pairs[:, 1]].tolist())
    result = labels.copy()
    inside = _numbers(truth[slices(box)])
    wrong = [number for number in inside if number not in right]
    first = int(labels.max()) + 1
    for new, number in enumerate(wrong, start=first):
        place = truth == number
        for other in _numbers(result[place]):
            if other < first and other not in kept and _belong(result == other, place):
                result[result == other] = 0
        result[place] = new
    spurious = [n for n in _numbers(result[slices(box)]) if n < first and n not in kept]
    result[np.isin(result, spurious)] = 0
    return Corrected(result, len(inside), len(spurious), len(wrong))


def middle(shape: tuple[int, ...], share: float) -> Box:
    """The box in the middle of a field that has so large a share of it.

    >>> middle((100, 200), 0.25)
    (25, 50, 75, 150)
    """
    height, width = (round(side * share**0.5) for side in shape)
    y, x = (shape[0] - height) // 2, (shape[1] - width) // 2
    return y, x, y + height, x + width


def _belong(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether most of one place lies in the other."""
    return 2 * np.count_nonzero(one & other) > min(np.count_nonzero(one), np.count_nonzero(other))


def _numbers(labels: np.ndarray) -> list[int]:
    """The nuclei in some labels."""
    return [int(number) for number in np.unique(labels) if number > 0]
