"""JSON that may come from anywhere, or be cut short: one kind of error, whatever is wrong."""

from __future__ import annotations

import json
import math
from typing import Any

from nucseg_tf.errors import DataError
from nucseg_tf.io import limits

MAX_READ = 256 * 2**20  # bytes of one file that is read: annotations, not images
JSON_COST = 30  # bytes of memory for one of JSON, where it is all short lists


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


def read_json(where: str, data: bytes) -> Any:
    """The value of a text of any length, which nobody trusts.

    Args:
        where: it is from, for messages.
        data: the text.

    Raises:
        DataError: it is too large for the memory or damaged, or no JSON.
    """
    if len(data) > MAX_READ:
        raise DataError(f"{where}: larger than {MAX_READ >> 20} MiB; split it")
    limits.check((len(data),), JSON_COST, where)
    try:
        return from_json(data)
    except ValueError as error:
        raise DataError(f"{where}: is no JSON, or cut short ({error}). Export it again.") from error


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no finite number")
    return number
