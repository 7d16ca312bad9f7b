"""Divides the fields of a data set into those that train and those that validate."""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from collections.abc import Iterable

from nucseg_tf.errors import DataError, UsageError
from nucseg_tf.types import Field

LOG = logging.getLogger(__name__)


def split_fields(
    fields: Iterable[Field], validation_fraction: float, seed: int
) -> tuple[list[Field], list[Field]]:
    """Divide fields into training and validation; those of the split "test" are left out.

    Splits given by the data set are used where it has validation fields. Otherwise a share of every
    group is drawn, by a hash of seed and name: the draw depends neither on the order of the files
    nor on the machine, and each group of two or more is in both parts. A single field does both.

    Args:
        fields: of one data set.
        validation_fraction: between 0 and 1.
        seed: another seed is another draw.

    Returns:
        Training and validation fields, both not empty.

    Raises:
        DataError: no fields to train on.
    """
    if not 0 < validation_fraction < 1:
        raise UsageError(
            f"the validation fraction must be between 0 and 1. Received: {validation_fraction}"
        )
    pool = [field for field in fields if field.split != "test"]
    given = [field for field in pool if field.split == "val"]
    train = [field for field in pool if field.split != "val"]
    if given and train:
        return train, given
    if not train:
        raise DataError(
            f"training needs a field to train on; found none, and {len(given)} for validation. "
            "Annotate one more field, or move one from val to train."
        )
    if len(train) == 1:
        LOG.warning("%s trains and validates: its loss says nothing of others", train[0].name)
        return train, train
    val = _draw(train, validation_fraction, seed)
    return [field for field in train if field not in val], [f for f in train if f in val]


def _draw(fields: list[Field], fraction: float, seed: int) -> set[Field]:
    """Validation fields: a share of each group, at least one and never all of it."""
    groups: dict[str, list[Field]] = defaultdict(list)
    for field in fields:
        groups[field.group].append(field)
    if all(len(members) == 1 for members in groups.values()):
        groups = {"": fields}
    chosen: set[Field] = set()
    for members in groups.values():
        ordered = sorted(members, key=lambda f: _hash(f"{seed}:{f.group}/{f.name}"))
        share = max(1, round(fraction * len(members)))
        chosen.update(ordered[: min(share, len(members) - 1)])
    return chosen


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
