"""Corrected regions back to a whole field.

Which nucleus is which: one that carries its label keeps it. One without keeps the label of the
nucleus of its region that it covers with an IoU above 0.5. All others are new, and numbered after
the highest label of the field, so no label is used twice.

What is drawn in conflict is decided by these rules, and each decision is reported:

1. *Drawn twice.* A new nucleus that shares more than half of the smaller one's pixels with a
   nucleus of another region is the same nucleus. The one that was exported stays; of two new ones,
   the one whose region's cell holds more of the shared pixels.
2. *Two regions claim a pixel.* It stays with the nucleus that had it when it was exported; else it
   goes to the region whose cell it lies in; else to the region that was cut first.
3. *Two nuclei of one region claim a pixel.* It goes to the later one, which lies on top.
4. A nucleus without pixels is left out, and neighbours are never taken over.

Letters: H rows, W columns of the field, P pixels of a nucleus as row * W + column.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from nucseg_tf.annotation.exchange.drawn import Drawn
from nucseg_tf.annotation.exchange.identity import Candidate, Conflict, Original, identify
from nucseg_tf.annotation.exchange.regions import Region
from nucseg_tf.errors import LabelError
from nucseg_tf.io.boxes import slices
from nucseg_tf.io.labels import INT32_MAX

SAME = 0.5  # of the smaller nucleus' pixels; above it, two drawings are one nucleus


@dataclass
class Merged:
    """A field put together.

    Attributes:
        labels: (H, W) int32.
        conflicts: with what was decided.
        counts: nuclei that are "same", "edited", "new" and "deleted".
    """

    labels: np.ndarray
    conflicts: list[Conflict] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def merge(
    labels: np.ndarray, regions: Mapping[str, Region], drawn: Mapping[str, Sequence[Drawn]]
) -> Merged:
    """Put a field together.

    Args:
        labels: (H, W) int32, as exported.
        regions: by name, all of the field.
        drawn: nuclei by region; where a region is missing, its labels stay as exported.

    Raises:
        LabelError: there are too many labels to number new ones.
    """
    original = Original(labels)
    candidates: list[Candidate] = []
    conflicts: list[Conflict] = []
    for name, region in regions.items():
        if name in drawn:
            some, problems = identify(original, name, region, drawn[name])
            candidates += some
            conflicts += problems
        else:
            candidates += original.untouched(name, region)
    cells, names = _cells(labels.shape, regions), list(regions)
    dropped = dict(_drawn_twice(candidates, cells, names))
    canvas = _Canvas(labels, cells, names)
    for number, candidate in enumerate(candidates):
        if number not in dropped:
            canvas.paint(candidate)
    result = canvas.numbered(original)
    result.conflicts = [*conflicts, *dropped.values(), *result.conflicts]
    return result


def _cells(shape: tuple[int, ...], regions: Mapping[str, Region]) -> np.ndarray:
    """Number of the region whose cell holds each pixel: (H * W,) int32."""
    cells = np.full(shape, -1, np.int32)
    for number, region in enumerate(regions.values()):
        cells[slices(region.cell)] = number
    return cells.ravel()


# --- drawn twice -----------------------------------------------------------------------------


def _drawn_twice(
    candidates: list[Candidate], cells: np.ndarray, names: list[str]
) -> Iterator[tuple[int, Conflict]]:
    """Numbers of candidates to leave out (rule 1), each with what is said of it."""
    left_out: set[int] = set()
    for (one, other), shared in sorted(_shared(candidates).items()):
        first, second = candidates[one], candidates[other]
        smaller = min(len(first.pixels), len(second.pixels))
        if (
            {one, other} & left_out
            or first.region == second.region
            or (first.label and second.label)
            or shared <= SAME * smaller
        ):
            continue
        drop = other if first.label else one
        if not (first.label or second.label):
            common = cells[np.intersect1d(first.pixels, second.pixels)]
            mine, theirs = (np.sum(common == names.index(c.region)) for c in (first, second))
            drop = other if mine >= theirs else one
        keep = candidates[one if drop == other else other]
        left_out.add(drop)
        decision = f"one nucleus: that of {keep.region} is kept, the other left out"
        yield (
            drop,
            Conflict(
                (first.region, second.region), (first, second), shared, "drawn twice", decision
            ),
        )


def _shared(candidates: list[Candidate]) -> Counter[tuple[int, int]]:
    """How many pixels each two candidates share."""
    counts: Counter[tuple[int, int]] = Counter()
    if not candidates:
        return counts
    pixels = np.concatenate([candidate.pixels for candidate in candidates])
    owner = np.repeat(np.arange(len(candidates)), [len(c.pixels) for c in candidates])
    order = np.argsort(pixels, kind="stable")
    pixels, owner = pixels[order], owner[order]
    for step in range(1, len(candidates)):
        same = pixels[step:] == pixels[:-step]
        if not same.any():
            break
        pairs = owner[:-step][same] * len(candidates) + owner[step:][same]
        for pair, count in zip(*np.unique(pairs, return_counts=True), strict=True):
            one, other = divmod(int(pair), len(candidates))
            counts[one, other] += int(count)
    return counts


# --- painting --------------------------------------------------------------------------------


class _Canvas:
    """A field that candidates are painted on, one after the other."""

    def __init__(self, labels: np.ndarray, cells: np.ndarray, names: list[str]):
        self.shape = labels.shape
        self.exported = labels.ravel()
        self.cells = cells
        self.names = {name: number for number, name in enumerate(names)}
        self.owner = np.zeros(labels.size, np.int32)  # number of a candidate, from 1
        self.candidates: list[Candidate] = []
        self.conflicts: list[Conflict] = []

    def paint(self, candidate: Candidate) -> None:
        """Give a candidate all pixels that are free, and those that the rules give it."""
        self.candidates.append(candidate)
        number, pixels = len(self.candidates), candidate.pixels
        holders = self.owner[pixels]
        self.owner[pixels[holders == 0]] = number
        for holder in np.unique(holders[holders > 0]).tolist():
            rival = self.candidates[holder - 1]
            contested = pixels[holders == holder]
            won = self._won(candidate, rival, contested)
            self.owner[contested[won]] = number
            self._report(candidate, rival, len(contested), int(won.sum()))

    def _won(self, candidate: Candidate, rival: Candidate, pixels: np.ndarray) -> np.ndarray:
        """Which contested pixels the later candidate gets (rules 2 and 3)."""
        if candidate.region == rival.region:
            return np.ones(len(pixels), bool)
        before = self.exported[pixels]
        had = (before == candidate.label) & (before > 0)
        lost = (before == rival.label) & (before > 0)
        return had | (~lost & (self.cells[pixels] == self.names[candidate.region]))

    def _report(self, candidate: Candidate, rival: Candidate, pixels: int, won: int) -> None:
        same = candidate.region == rival.region
        regions = (rival.region,) if same else (rival.region, candidate.region)
        decision = (
            "to the later one, which lies on top"
            if same
            else f"{pixels - won} to that of {rival.region}, {won} to that of {candidate.region}"
        )
        problem = "overlap in a region" if same else "claimed by two regions"
        self.conflicts.append(Conflict(regions, (rival, candidate), pixels, problem, decision))

    def numbered(self, original: Original) -> Merged:
        """Labels in place of candidates; those without pixels are left out."""
        areas = np.bincount(self.owner, minlength=len(self.candidates) + 1)[1:]
        counts: Counter[str] = Counter()
        following = max(original.areas, default=0) + 1
        table = np.zeros(len(self.candidates) + 1, np.int64)
        for number, (candidate, area) in enumerate(zip(self.candidates, areas, strict=True), 1):
            if area == 0:
                conflict = Conflict(
                    *((candidate.region,), (candidate,), len(candidate.pixels)),
                    *("all its pixels went to others", "left out"),
                )
                self.conflicts.append(conflict)
                continue
            if not candidate.label:
                candidate.label, following = following, following + 1
                counts["new"] += 1
            table[number] = candidate.label
        if following > INT32_MAX:
            raise LabelError(f"labels reach {following:,}; number them from 1 and export again")
        labels = table[self.owner].astype(np.int32).reshape(self.shape)
        moved = labels.ravel() != self.exported
        changed = {*np.unique(self.exported[moved]), *np.unique(labels.ravel()[moved])}
        left = {*np.unique(labels)}
        for label in original.areas:
            counts[
                "deleted" if label not in left else "edited" if label in changed else "same"
            ] += 1
        return Merged(labels, self.conflicts, counts)
