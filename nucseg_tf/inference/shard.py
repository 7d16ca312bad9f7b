"""A run in parts, for arrays of cluster jobs that write into one folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from nucseg_tf.errors import UsageError

T = TypeVar("T")


@dataclass(frozen=True)
class Shard:
    """One of several parts of a run.

    Attributes:
        number: from 1.
        count: of all parts.
    """

    number: int
    count: int

    @property
    def part(self) -> str:
        """What names of its files have before their suffix: "-2of4"."""
        return f"-{self.number}of{self.count}"

    def of(self, items: Sequence[T]) -> list[T]:
        """The items of this part: neighbours, so that the parts one after another are all.

        >>> [Shard(number, 3).of("abcdefgh") for number in (1, 2, 3)]
        [['a', 'b'], ['c', 'd', 'e'], ['f', 'g', 'h']]
        """
        first, last = (len(items) * n // self.count for n in (self.number - 1, self.number))
        return list(items[first:last])


def parse_shard(text: str | None) -> Shard | None:
    """A part as the user gives it, "2/4"; UsageError for anything else."""
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]+)/([0-9]+)", text)
    if found and 1 <= int(found[1]) <= int(found[2]):
        return Shard(int(found[1]), int(found[2]))
    raise UsageError(f"--shard: expected K/N, K from 1 to N, such as 2/4. Received: {text!r}.")
