"""Which drawn nucleus is which exported one; see `merge` for the rules.

Letters: H rows, W columns of the field, P pixels of a nucleus as row * W + column.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nucseg_tf.annotation.exchange.drawn import Drawn
from nucseg_tf.annotation.exchange.regions import Region, shown
from nucseg_tf.io.boxes import find_nuclei, slices

SAME_IOU = 0.5  # above it, at most one exported nucleus fits


@dataclass(eq=False)
class Candidate:
    """A nucleus that wants its place in the field.

    Attributes:
        region: name of the region that it comes from.
        pixels: (P,) int64.
        label: 0 while it is new and has no number.
    """

    region: str
    pixels: np.ndarray
    label: int = 0


@dataclass(frozen=True)
class Conflict:
    """A contradiction, and how it was settled.

    Attributes:
        regions: names, as far as they are concerned.
        nuclei: candidates or labels.
        pixels: how many are concerned.
        problem: what contradicts what.
        decision: what was done.
    """

    regions: tuple[str, ...]
    nuclei: tuple[Candidate | int, ...]
    pixels: int
    problem: str
    decision: str

    def labels(self) -> list[str]:
        """Labels in the merged field; "new" for a nucleus that was left out."""
        numbers = (n.label if isinstance(n, Candidate) else n for n in self.nuclei)
        return [str(number or "new") for number in numbers]


class Original:
    """A field as it was exported.

    Attributes:
        labels: (H, W) int32.
        areas: pixels of each label.
    """

    def __init__(self, labels: np.ndarray):
        self.labels = labels
        self.nuclei = find_nuclei(labels)
        self.areas = {label: nucleus.area for label, nucleus in self.nuclei.items()}

    def pixels_of(self, drawn: Drawn, region: Region) -> np.ndarray:
        """Places in the field of what was drawn on a region: (P,) int64."""
        row, column = np.nonzero(drawn.mask)
        width = self.labels.shape[1]
        corner = (region.box[0] + drawn.top) * width + region.box[1] + drawn.left
        return row * width + column + corner

    def untouched(self, name: str, region: Region) -> list[Candidate]:
        """The nuclei of a region as they were exported."""
        whole = Region((0, 0, *self.labels.shape), region.cell, ())
        found = []
        for label in region.nuclei:
            box = self.nuclei[label].box
            drawn = Drawn(box[0], box[1], self.labels[slices(box)] == label)
            found.append(Candidate(name, self.pixels_of(drawn, whole), label))
        return found


def identify(
    original: Original, name: str, region: Region, drawn: Sequence[Drawn]
) -> tuple[list[Candidate], list[Conflict]]:
    """Give the nuclei that were drawn on a region their labels, as far as they have one.

    Returns:
        Candidates in the order they were drawn in, and what was odd.
    """
    conflicts = _neighbours(original, name, region, [d for d in drawn if d.neighbour])
    own = [nucleus for nucleus in drawn if not nucleus.neighbour]
    ours = frozenset(region.nuclei)
    candidates = [Candidate(name, original.pixels_of(nucleus, region)) for nucleus in own]
    holders: dict[int, list[Candidate]] = defaultdict(list)
    for nucleus, candidate in zip(own, candidates, strict=True):
        if nucleus.label in ours:
            holders[nucleus.label or 0].append(candidate)
        elif nucleus.label is not None:
            problem = f"carries the label {nucleus.label}, which is none of this region"
            conflicts.append(
                Conflict((name,), (candidate,), len(candidate.pixels), problem, "label ignored")
            )
    flat = original.labels.ravel()
    for label, rivals in holders.items():
        best = max(rivals, key=lambda c: int(np.sum(flat[c.pixels] == label)))
        best.label = label
        for rival in rivals:
            if rival is not best:
                decision = "the larger part keeps the label, the other counts as new"
                conflicts.append(
                    Conflict(
                        *((name,), (best, rival), len(rival.pixels)),
                        *(f"two nuclei carry the label {label}", decision),
                    )
                )
    taken = {*holders}
    for candidate in candidates:
        if not candidate.label:
            candidate.label = _by_place(original, candidate, ours - taken)
            taken.add(candidate.label)
    empty = [c for c in candidates if not len(c.pixels)]
    conflicts += [Conflict((name,), (c,), 0, "has no pixels", "left out") for c in empty]
    return [c for c in candidates if len(c.pixels)], conflicts


def _by_place(original: Original, candidate: Candidate, free: frozenset[int]) -> int:
    """The one of some labels that a candidate covers well, or 0."""
    values, counts = np.unique(original.labels.ravel()[candidate.pixels], return_counts=True)
    for label, shared in zip(values.tolist(), counts.tolist(), strict=True):
        if label in free:
            union = len(candidate.pixels) + original.areas[label] - shared
            if shared > SAME_IOU * union:
                return label
    return 0


def _neighbours(
    original: Original, name: str, region: Region, drawn: list[Drawn]
) -> list[Conflict]:
    """What was done to nuclei of other regions, which counts for nothing here."""
    if not drawn:  # left away by the tool, or by a filter there
        return []
    flat = original.labels.ravel()
    expected = {
        nucleus.label or 0: original.pixels_of(nucleus, region)
        for nucleus in shown(original.labels, region)
        if nucleus.neighbour
    }
    conflicts = []
    for nucleus in drawn:
        pixels = original.pixels_of(nucleus, region)
        values, counts = np.unique(flat[pixels], return_counts=True)
        seen = [label for label in values[np.argsort(-counts, kind="stable")] if label in expected]
        label = nucleus.label if nucleus.label in expected else next(iter(seen), 0)
        before = expected.pop(int(label or 0), np.zeros(0, np.int64))
        changed = len(np.setxor1d(before, pixels))
        if changed:
            conflicts.append(_not_here(name, int(label or 0), changed, "neighbour edited"))
    for label, pixels in expected.items():
        conflicts.append(_not_here(name, label, len(pixels), "neighbour deleted"))
    return conflicts


def _not_here(name: str, label: int, pixels: int, problem: str) -> Conflict:
    return Conflict((name,), (label,), pixels, problem, "ignored; correct it in its own region")
