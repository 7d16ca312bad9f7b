"""Which accepted fields a version trains on, and which it leaves out.

Of the accepted fields the 2nd, 6th, 10th, ... are left out, for ever: so all versions can be
compared on fields that none has seen. What an earlier version did with a field stands. Of a single
field a strip is left out.

H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nucseg_tf.annotation.loop.versions import Version
from nucseg_tf.errors import UsageError
from nucseg_tf.types import Box

TRAIN, LEFT_OUT = "train", "left_out"
FIRST, EVERY = 1, 4  # places, from 0, of the fields left out
STRIP = 0.25  # share of the nuclei of a single field that is left out
FEWEST = 8  # nuclei of a single field; fewer say nothing of a model


def assign(keys: Sequence[str], versions: Sequence[Version]) -> dict[str, str]:
    """The part of each field.

    Args:
        keys: of the accepted fields, in the order of their first acceptance.
        versions: earlier ones, the oldest first.

    Returns:
        TRAIN or LEFT_OUT by key. A single field is for training; see `divide`.
    """
    known = _known(versions)
    order = [*known, *(key for key in keys if key not in known)]
    places = {key: LEFT_OUT if i % EVERY == FIRST else TRAIN for i, key in enumerate(order)}
    parts = {key: known.get(key, places[key]) for key in keys}
    if len(keys) == 1:
        return dict.fromkeys(keys, TRAIN)
    if len(set(parts.values())) < 2:  # fields were taken away
        parts[keys[-1]] = TRAIN if LEFT_OUT in parts.values() else LEFT_OUT
    return parts


def _known(versions: Sequence[Version]) -> dict[str, str]:
    """The part that each field had when it was first used, in that order."""
    parts: dict[str, str] = {}
    for version in versions:
        for use in version.fields:
            parts.setdefault(use.key, use.part)
    return parts


def divide(labels: np.ndarray, boxes: Sequence[Box], key: str) -> dict[str, tuple[Box, ...]]:
    """Regions of a single field to train on and to leave out, with nuclei in both.

    The field is cut across its longer side, where a quarter of the nuclei lie behind.

    Args:
        labels: (H, W) integer; not above 0 where there is no nucleus, or nothing is known.
        boxes: what is known; all of it without any.
        key: of the field, for the message.

    Raises:
        UsageError: it has too few nuclei.
    """
    rows, columns = np.nonzero(labels > 0)
    values, index = np.unique(labels[rows, columns], return_inverse=True)
    if len(values) >= FEWEST:
        height, width = labels.shape
        down = height >= width
        middles = np.bincount(index, rows if down else columns) / np.bincount(index)
        cut = round(float(np.quantile(middles, 1 - STRIP)))
        strips: dict[str, Box] = {
            TRAIN: (0, 0, cut, width) if down else (0, 0, height, cut),
            LEFT_OUT: (cut, 0, height, width) if down else (0, cut, height, width),
        }
        divided = {part: common(boxes, [strip]) for part, strip in strips.items()}
        if all(divided.values()):
            return divided
    raise UsageError(
        f"{key}: a single corrected field with {len(values)} nuclei is too little to train on; "
        f"expected {FEWEST} nuclei, or a second field. Correct one more field."
    )


def common(boxes: Sequence[Box], others: Sequence[Box]) -> tuple[Box, ...]:
    """What two sets of regions have in common; the first is all of the field without any.

    >>> common([(0, 0, 9, 9)], [(5, 0, 20, 4), (9, 0, 20, 20)])
    ((5, 0, 9, 4),)
    """
    if not boxes:
        return tuple(others)
    pairs = (
        (max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3]))
        for a in boxes
        for b in others
    )
    return tuple(box for box in pairs if box[0] < box[2] and box[1] < box[3])
