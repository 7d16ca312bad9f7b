"""Which tracks of a movie begin by a division of a nucleus.

Two nuclei lie where one was: one goes on with its track, the other begins a new one. So a division
is a nucleus, what it goes on as, and a track that begins beside that: with the middle of the two
where the nucleus was, of about one size, and both staying for a while. A nucleus that was
missing before comes back where it was, not beside another; one that falls into two by mistake is
one again soon.

M nuclei of all frames, in the order of frames; K pairs that might be the two of a division.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from nucseg_tf.inference.link.overlaps import pick_best

APART = 1.6  # distance of the two at most, diameters
OFF = 0.3  # of their middle from where the nucleus was at most, diameters
RATIO = 2.5  # of their areas at most
STAY = 3  # frames in which each is seen at least, unless the movie ends


@dataclass(frozen=True)
class Chains:
    """Nuclei of a movie and how they go on.

    Attributes:
        frame: (M,) int64, ascending.
        place: (M, 2) float64, middle, diameters.
        area: (M,) px.
        before: (M,) int64, index of the same nucleus where it was last seen; -1 of a beginning.
    """

    frame: np.ndarray
    place: np.ndarray
    area: np.ndarray
    before: np.ndarray

    def stays(self) -> np.ndarray:
        """(M,) bool, what is seen in `STAY` frames from here on, or until the movie ends."""
        last = np.arange(len(self.frame))
        for index in range(len(last) - 1, -1, -1):
            if self.before[index] >= 0:
                last[self.before[index]] = last[index]
        end = self.frame[last]
        return (end - self.frame + 1 >= STAY) | (end == self.frame.max(initial=0))


def find_divisions(chains: Chains) -> np.ndarray:
    """Find the nucleus by whose division a track begins.

    Args:
        chains: the nuclei.

    Returns:
        (M,) int64, index of the nucleus that divided, at the first of the track that begins beside
        it; -1 elsewhere.
    """
    frame, place, before = chains.frame, chains.place, chains.before
    stays = chains.stays()
    goes_on = (before >= 0) & (frame[before] == frame - 1)
    one, other = (np.flatnonzero(stays & which) for which in (goes_on, before < 0))
    one, other = _beside(chains, one, other)
    middle = (place[one] + place[other]) / 2
    off = np.linalg.norm(middle - place[before[one]], axis=1)
    ratio = np.abs(np.log(chains.area[one] / chains.area[other]))
    likely = np.flatnonzero((off <= OFF) & (ratio <= np.log(RATIO)))
    chosen = likely[pick_best(one[likely], other[likely], -off[likely])]
    divided = np.full(len(frame), -1)
    divided[other[chosen]] = before[one[chosen]]
    return divided


def _beside(chains: Chains, one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (K,) of the one and the other (indices) that lie in one frame, at most APART away."""
    if not (len(one) and len(other)):
        return one[:0], other[:0]
    trees = (
        cKDTree(np.column_stack([chains.place[part], 2 * APART * chains.frame[part]]))
        for part in (one, other)
    )
    first, second = trees
    pairs = first.sparse_distance_matrix(second, APART, output_type="coo_matrix")
    return one[pairs.row], other[pairs.col]
