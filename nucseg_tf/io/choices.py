"""What users may ask for where an image has several channels, planes, times or scenes.

As text of the command line, or as Python values; both become the same.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from nucseg_tf.errors import ChoiceError, UsageError

MAX, MEAN, FOCUS, EACH = "max", "mean", "focus", "each"


@dataclass(frozen=True)
class Choice:
    """One plane of an image, or what it is made of.

    Attributes:
        channel: index from 0, a name, or "max" over all channels; None: the only one.
        z: index from 0, "max", "mean" or "focus" of all planes, or "each"; None: the only one.
        t: index from 0, a range of them, or "each"; None: the only one.
        scene: index from 0, a name, or "each"; None: the only one.
        invert: whether dark and bright are exchanged, in all planes.
    """

    channel: int | str | None = None
    z: int | str | None = None
    t: int | str | range | None = None
    scene: int | str | None = None
    invert: bool = False

    @property
    def is_one(self) -> bool:
        """Whether it leaves one plane of an image of one scene."""
        return self.z != EACH and not self.has_times

    @property
    def has_times(self) -> bool:
        """Whether it is of several times."""
        return self.t == EACH or isinstance(self.t, range)


def parse(
    channel: int | str | None = None,
    z: int | str | None = None,
    t: int | str | range | None = None,
    scene: int | str | None = None,
    invert: bool = False,
) -> Choice:
    """Check what was asked for.

    Args:
        channel, z, t, scene: as of `Choice`; numbers also as text, ranges as "A:B", B left out.
        invert: as of `Choice`.

    Raises:
        UsageError: naming the option, what is expected and what came.
    """
    numbers = {"channel": _number(channel), "z": _number(z), "t": _number(t)}
    if isinstance(channel, str) and channel != str(numbers["channel"]):
        numbers["channel"] = None  # such as "01", which is a name
    channel = channel if numbers["channel"] is None else numbers["channel"]
    if channel == "" or (not isinstance(channel, str | None) and numbers["channel"] is None):
        raise _wrong("channel", "an index from 0, a name or max", channel)
    if z not in (None, MAX, MEAN, FOCUS, EACH) and numbers["z"] is None:
        raise _wrong("z", "an index from 0, max, mean, focus or each", z)
    times = t if isinstance(t, range) else _range(t)
    if t not in (None, EACH) and numbers["t"] is None and times is None:
        raise _wrong("t", "an index from 0, a range A:B (without B) or each", t)
    number = _number(scene)
    if scene == "" or (not isinstance(scene, str | None) and number is None):
        raise _wrong("scene", "an index from 0, a name or each", scene)
    return Choice(
        channel,
        z if numbers["z"] is None else numbers["z"],
        times if times is not None else t if numbers["t"] is None else numbers["t"],
        scene if number is None else number,
        invert,
    )


def refuse_if_no_image_has(errors: Sequence[Exception], done: int) -> None:
    """Raise ChoiceError where no image of a run has the channel, plane, time or scene asked for.

    Args:
        errors: of all images that failed.
        done: how many did not.
    """
    if errors and not done and all(isinstance(error, ChoiceError) for error in errors):
        first = str(errors[0])
        others = f" All {len(errors)} images are like that." if len(errors) > 1 else ""
        raise ChoiceError(f"{first.removesuffix('.')}.{others}" if others else first)


def _range(text: object) -> range | None:
    """A:B as a range that is not empty."""
    if isinstance(text, str) and text.count(":") == 1:
        first, last = (_number(part or "0") for part in text.split(":"))
        if first is not None and last is not None and first < last:
            return range(first, last)
    return None


def _number(value: object) -> int | None:
    """A whole number from 0, that may be text."""
    with contextlib.suppress(ValueError, OverflowError):
        if isinstance(value, str | int | float) and int(value) == float(value) >= 0:
            return int(value)
    return None


def _wrong(name: str, expected: str, received: object) -> UsageError:
    return UsageError(f"--{name}: expected {expected}. Received: {received!r}.")
