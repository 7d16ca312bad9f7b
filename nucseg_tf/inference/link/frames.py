"""Nuclei through the frames of a movie: tracks, and which of them divide.

The assignment of nuclei to each other, from frame to frame and over gaps, is that of Jaqaman et al.
2008 (doi 10.1038/nmeth.1237) as the package laptrack has it, the extra `track`. Its cost is the
squared distance in diameters and, weighed less, of the logarithms of areas. Divisions are found
among its tracks (`divisions.py`), by more than where a track begins.

T frames; N nuclei of a frame; M of all frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np

from nucseg_tf.errors import UsageError
from nucseg_tf.inference.link.divisions import Chains, find_divisions
from nucseg_tf.io.tables import Table

# Best in simulated movies, see docs/stacks.md.
MAX_DISTANCE = 0.8  # diameters from one frame to the next, and over a gap
SURE_DISTANCE = 0.75  # share of it up to which nuclei are linked before all else is weighed
SIZE_WEIGHT = 0.4  # diameters that a factor of e in area is worth
GAP = 1


def link_frames(
    centroids: Sequence[np.ndarray],
    areas: Sequence[np.ndarray],
    diameter: float | None = None,
    max_distance: float = MAX_DISTANCE,
    gap: int = GAP,
    divisions: bool = True,
) -> Table:
    """Link the nuclei of a movie to tracks.

    Args:
        centroids: of each frame (N, 2), row and column of the nuclei with labels 1..N, px.
        areas: of each frame (N,), px, above 0.
        diameter: typical one, px; that of the median area if None.
        max_distance: that a nucleus may move by from frame to frame, diameters.
        gap: frames that may lack a nucleus.
        divisions: whether nuclei may divide; else a second one is a track of its own.

    Returns:
        A row for each nucleus, by frame and label, with columns `frame` from 0, `label`, `track`
        from 1 in order of appearance, `parent`, the track that it came from by division, else 0,
        and `divides`, true where a nucleus is seen for the last time before its division.

    Raises:
        UsageError: laptrack is not installed, or a value is out of range.
    """
    if max_distance <= 0 or gap < 0 or (diameter is not None and diameter <= 0):
        raise UsageError(
            "expected max_distance and diameter above 0 and gap of 0 or more. "
            f"Received: max_distance {max_distance}, diameter {diameter}, gap {gap}"
        )
    counts = [len(area) for area in areas]
    frame = np.repeat(np.arange(len(counts)), counts)
    area = np.concatenate([np.empty(0), *areas])
    if diameter is None:
        diameter = 2 * np.sqrt(np.median(area) / np.pi) if len(area) else 1.0
    place = np.concatenate([np.empty((0, 2)), *centroids]) / diameter
    features = np.column_stack([place, SIZE_WEIGHT * np.log(area)])
    before = _assign(np.split(features, np.cumsum(counts)[:-1]), max_distance, gap)
    divided = np.full(len(frame), -1)
    if divisions:
        divided = find_divisions(Chains(frame, place, area, before))
    track, parent, divides = _number(before, divided)
    label = np.concatenate([np.empty(0, np.int64), *(np.arange(1, n + 1) for n in counts)])
    names = ("frame", "label", "track", "parent", "divides")
    return Table(dict(zip(names, (frame, label, track, parent, divides), strict=True)))


def check_tracking() -> None:
    """Raise UsageError where frames cannot be linked here."""
    if find_spec("laptrack") is None:
        raise UsageError("--link: frames need laptrack. Run pip install 'nucseg-tf[track]'.")


def _assign(features: Sequence[np.ndarray], max_distance: float, gap: int) -> np.ndarray:
    """For each of M nuclei with features (N, 3) a frame, the index where it was before, or -1."""
    check_tracking()
    from laptrack import LapTrack

    before = np.full(sum(map(len, features)), -1)
    if not len(before):
        return before
    tracker = LapTrack.model_validate(  # its defaults for the rest, which mypy takes for missing
        {
            "cutoff": (SURE_DISTANCE * max_distance) ** 2,
            "gap_closing_cutoff": max_distance**2,
            "gap_closing_max_frame_count": gap + 1,
        }
    )
    first = np.concatenate([[0], np.cumsum([len(part) for part in features])])
    for (one, number), (other, next_number) in tracker.predict(features).edges():
        before[first[other] + next_number] = first[one] + number
    return before


def _number(before: np.ndarray, divided: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Track and parent (M,) int64 of nuclei, and whether they divide, (M,) bool.

    A track ends with a division, and two new ones begin.
    """
    divides = np.zeros(len(before), bool)
    divides[divided[divided >= 0]] = True
    track, parent = np.zeros((2, len(before)), np.int64)
    count = 0
    for index, (old, mother) in enumerate(zip(before.tolist(), divided.tolist(), strict=True)):
        if old >= 0 and not divides[old]:
            track[index], parent[index] = track[old], parent[old]
            continue
        count += 1
        track[index] = count
        source = mother if mother >= 0 else old
        parent[index] = track[source] if source >= 0 else 0
    return track, parent, divides
