"""JSON that may come from anywhere, or be cut short: one kind of error, whatever is wrong."""

from __future__ import annotations

import json
import math
from typing import Any


def from_json(text: str | bytes, finite: bool = False) -> Any:
    """The value of a text.

    Args:
        text: JSON.
        finite: refuse numbers that are not; pages of a browser, say, cannot read them.

    Raises:
        ValueError: it is no JSON, no text, or nested deeper than anything that is meant.
    """
    more: dict[str, Any] = {"parse_constant": _finite, "parse_float": _finite} if finite else {}
    try:
        return json.loads(text, **more)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no finite number")
    return number
