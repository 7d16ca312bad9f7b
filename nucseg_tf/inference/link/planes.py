"""Nuclei through the planes of a stack: labels of neighbouring planes become one nucleus.

Two labels of neighbouring planes are one nucleus if they overlap well, one to one, the best first.
The caps of a ball are much smaller than the sections next to them, so overlap counts in either of
two ways: of the union, or of the smaller of the two. A nucleus that is missing in a plane may go on
in a later one; there overlap of the union counts alone, and must be better, for often one nucleus
ends above where another one begins.

H rows, W columns of a plane; N labels; K pairs of labels that overlap.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from nucseg_tf.errors import LabelError, UsageError
from nucseg_tf.imaging.runs import find_runs
from nucseg_tf.inference.link.overlaps import find_overlaps, pick_best

# Best F1 of links in simulated stacks, 1 to 4 µm between planes, see docs/stacks.md.
MIN_IOU, MIN_OVERLAP, BRIDGE_IOU, GAP = 0.3, 0.6, 0.5, 1


@dataclass(frozen=True)
class _Section:
    """A plane that was added.

    Attributes:
        labels: (H, W) integer.
        areas: (N + 1,) int64, px.
        ids: (N + 1,) int64, the nucleus of each label, 0 of what is none.
        ends: (N + 1,) bool, where no later plane goes on with it; changes with each.
    """

    labels: np.ndarray
    areas: np.ndarray
    ids: np.ndarray
    ends: np.ndarray


class PlaneLinker:
    """Gives the labels of planes, one plane after another, the numbers of nuclei in the stack.

    It keeps the last planes alone, one more than `gap`; memory does not grow with the stack.

    >>> linker = PlaneLinker()
    >>> linker.add(np.array([[1, 1, 0, 2, 2]])).tolist()
    [1, 2]
    >>> linker.add(np.array([[0, 0, 0, 1, 1]])).tolist()
    [2]
    """

    def __init__(
        self,
        min_iou: float = MIN_IOU,
        min_overlap: float = MIN_OVERLAP,
        gap: int = GAP,
    ):
        """Set up for a new stack.

        Args:
            min_iou: two labels are one nucleus from this intersection over union on, in (0, 1].
            min_overlap: or from this share of the smaller one on, in (0, 1].
            gap: planes that may lack a nucleus.

        Raises:
            UsageError: a value is out of range.
        """
        if not (0 < min_iou <= 1 and 0 < min_overlap <= 1 and gap >= 0):
            raise UsageError(
                "expected min_iou and min_overlap in (0, 1] and gap of 0 or more. "
                f"Received: min_iou {min_iou}, min_overlap {min_overlap}, gap {gap}"
            )
        self._min_iou, self._min_overlap = min_iou, min_overlap
        self._earlier: deque[_Section] = deque(maxlen=gap + 1)  # the last plane first
        self._count = 0

    def add(self, labels: np.ndarray) -> np.ndarray:
        """Link the next plane to those before it.

        Args:
            labels: (H, W) integer, 0 background; must not be changed afterwards.

        Returns:
            (N,) int64, the nucleus of each label 1..N, numbered from 1 in the order in which they
            come; 0 for numbers that no pixel has.

        Raises:
            LabelError: the plane is not one of labels, or of another shape than those before it.
        """
        self._check(labels)
        areas, _ = find_runs(labels).areas_and_firsts()
        areas[0] = 0  # background is none of the labels
        plane = _Section(labels, areas, np.zeros(len(areas), np.int64), areas > 0)
        for away, earlier in enumerate(self._earlier):
            if earlier.ends.any():
                self._join(earlier, plane, bridge=away > 0)
        new = np.flatnonzero((plane.ids == 0) & (areas > 0))
        plane.ids[new] = self._count + 1 + np.arange(len(new))
        self._count += len(new)
        self._earlier.appendleft(plane)
        return plane.ids[1:]

    def _join(self, earlier: _Section, plane: _Section, bridge: bool) -> None:
        """Let labels of a plane that have no nucleus yet go on with those that end in another."""
        first, second, shared = find_overlaps(earlier.labels, plane.labels)
        one, other = earlier.areas[first], plane.areas[second]
        iou = shared / (one + other - shared)
        if bridge:
            same = iou >= max(self._min_iou, BRIDGE_IOU)
        else:
            same = (iou >= self._min_iou) | (shared >= self._min_overlap * np.minimum(one, other))
        rows = np.flatnonzero(same & earlier.ends[first] & (plane.ids[second] == 0))
        rows = rows[pick_best(first[rows], second[rows], iou[rows])]
        plane.ids[second[rows]] = earlier.ids[first[rows]]
        earlier.ends[first[rows]] = False

    def _check(self, labels: np.ndarray) -> None:
        """Raise LabelError for what cannot be the next plane."""
        if labels.ndim != 2 or labels.dtype.kind not in "iu":
            raise LabelError(
                "a plane must be a two-dimensional integer label image. "
                f"Received: shape {labels.shape}, dtype {labels.dtype}"
            )
        if self._earlier and labels.shape != self._earlier[0].labels.shape:
            raise LabelError(
                f"all planes of a stack must have one shape, {self._earlier[0].labels.shape}. "
                f"Received: {labels.shape}"
            )
