"""Large fields put together from small ones, for what must be seen from far."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from nucseg_tf.data.sample import Sample, median_diameter


def join_fields(samples: Sequence[Sample], side: int) -> list[Sample]:
    """Join fields of one shape and group to squares of n x n, where one field is smaller than that.

    A field of 256 px cannot be shrunk to a third and still fill a ROI of 256 px; nine of them can.
    Fields of which only regions are known are left out.

    Args:
        samples: fields in memory.
        side: px, that no side of a joined field falls short of.

    Returns:
        The joined fields alone, each field at most once in them; those left over are in none.
    """
    alike = defaultdict(list)
    for sample in samples:
        if min(sample.image.shape) < side and not sample.regions:
            alike[sample.group, sample.image.shape].append(sample)
    joined = []
    for (group, shape), fields in alike.items():
        count = -(-side // min(shape))
        for first in range(0, len(fields) - count**2 + 1, count**2):
            joined.append(_join(fields[first : first + count**2], count, group))
    return joined


def _join(fields: Sequence[Sample], count: int, group: str) -> Sample:
    labels, highest = [], 0
    for field in fields:
        own = field.labels.astype(np.int32)
        labels.append(np.where(own > 0, own + highest, own))
        highest += int(own.max(initial=0))
    image, together = (
        np.block([tiles[row * count : (row + 1) * count] for row in range(count)])
        for tiles in ([field.image for field in fields], labels)
    )
    return Sample(image, together, median_diameter(np.maximum(together, 0)), group)
