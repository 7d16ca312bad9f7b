"""What an export or its return makes of the fields, and how both tell how far they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

Progress = Callable[[int, int, str], bool]


@dataclass
class Outcome:
    """What became of the fields.

    Attributes:
        done: GROUP/STEM of each field.
        failures: GROUP/STEM and reason.
        conflicts: how many.
        stopped: whether a signal came.
    """

    done: list[str] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    conflicts: int = 0
    stopped: bool = False
