"""Choice of one plane among all that an image holds; nothing is guessed.

- `t` picks from the time axis T.
- `z` picks from the Z axis or, where there is none, from the only other stack axis (T, or the
  unnamed axes I and Q of a multi-page TIFF), or makes one plane of all.
- `channel` picks from the channel axis C or the colour samples S. It also picks from an unnamed
  axis that `z` does not claim. Two cases need no choice: all channels are equal (grey stored as
  RGB), or exactly one of them is not constant. Alpha is ignored.

Letters: H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nucseg_tf.errors import ImageReadError, PlaneChoiceError
from nucseg_tf.imaging.scratch import is_mapped, release, strips
from nucseg_tf.io import projection
from nucseg_tf.io.choices import EACH, FOCUS, MAX, MEAN, Choice
from nucseg_tf.io.meaning import shown
from nucseg_tf.io.readers.base import RawImage, guarded
from nucseg_tf.suggest import nearest

# Rounding between YCbCr and RGB shifts the channels of a grey JPEG by so many levels of 255.
JPEG_TOLERANCE = 3
UNNAMED = "QI"
COLOURS = ("red", "green", "blue")


@dataclass(frozen=True)
class Planes:
    """An image's planes by channel, z and t.

    Attributes:
        path: for messages.
        raw: the image.
        axes: which axis of `raw.axes` is "channel", "z" and "t"; without those it has not.
    """

    path: Path
    raw: RawImage
    axes: Mapping[str, int]

    def count(self, role: str) -> int:
        """How many channels ("channel"), planes ("z") or times ("t") there are, one at least."""
        if role not in self.axes:
            return 1
        axis = self.axes[role]
        return self.raw.data.shape[axis] - (self.raw.alpha if self.raw.axes[axis] == "S" else 0)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the channels, of three colour samples too; empty where there are none."""
        names, count = self.raw.channels, self.count("channel")
        if not names and count == len(COLOURS) and self.raw.axes[self.axes["channel"]] == "S":
            return COLOURS
        return names if len(names) == count else ()

    def read(self, channel: int = 0, z: int = 0, t: int = 0) -> np.ndarray:
        """One plane (H, W), in the dtype of the file; contiguous, unless it is mapped to a file."""
        index: list[int | slice] = [slice(None) if a in "YX" else 0 for a in self.raw.axes]
        for role, number in (("channel", channel), ("z", z), ("t", t)):
            if role in self.axes:
                index[self.axes[role]] = number
        plane = guarded(self.path, lambda: self.raw.data[tuple(index)])
        if self.raw.axes.index("X") < self.raw.axes.index("Y"):
            plane = plane.T
        return plane if is_mapped(plane) else np.ascontiguousarray(plane)

    def number(self, role: str, choice: int | str | range) -> int:
        """The index that an index or a channel's name means; PlaneChoiceError if there is none.

        Names go first: of channels called 1, 2 and 3, "2" is the second, as in the file.
        """
        count = self.count(role)
        if role == "channel":
            for names in (self.names, self.raw.aliases):
                folded = [name.casefold() for name in names]
                for known, text in ((names, str(choice)), (folded, str(choice).casefold())):
                    if known.count(text) == 1:
                        return known.index(text)
        if isinstance(choice, int) and choice < count:
            return choice
        what = f"{choice} is out of range" if isinstance(choice, int) else f"{choice!r} is unknown"
        if role == "channel" and self.names.count(str(choice)) > 1:
            what = f"{choice!r} is the name of several; choose by index"
        named = f" ({', '.join(self.names)})" if role == "channel" and self.names else ""
        hint = nearest(choice, self.names) if isinstance(choice, str) and self.names else ""
        hint = "" if choice in self.names else hint
        raise PlaneChoiceError(
            f"{self.path}: --{role} {what}; this file has 0..{count - 1}{named}"
            + (f"; {hint}" if hint.startswith("did") else "")
        )

    def settle(self, choice: Choice) -> Choice:
        """A choice with numbers where there were names, "focus" or nothing.

        Raises:
            PlaneChoiceError: a choice is missing (the message says which) or out of range.
        """
        missing = [
            role
            for role, chosen in (("t", choice.t), ("z", choice.z))
            if chosen is None and self.count(role) > 1
        ]
        t = self.number("t", choice.t or 0)
        z = choice.z if choice.z in (MAX, MEAN, FOCUS) else self.number("z", choice.z or 0)
        channel = choice.channel
        if channel is None:
            channel = self.only_channel(z, t)
        elif channel != MAX:
            channel = self.number("channel", channel)
        if channel is None:
            missing.append("channel")
        if missing or channel is None:
            raise _ambiguous(self, missing)
        if z == FOCUS:
            seen = replace(choice, channel=channel, t=t)
            count = self.count("z")
            z = projection.sharpest(self.plane(replace(seen, z=level)) for level in range(count))
        return replace(choice, channel=channel, z=z, t=t)

    def plane(self, settled: Choice) -> np.ndarray:
        """The plane (H, W) of a choice that `settle` gave."""
        if settled.channel == MAX:
            each = (replace(settled, channel=n) for n in range(self.count("channel")))
            return projection.brightest(self.plane(one) for one in each)
        channel, t = int(settled.channel or 0), self.number("t", settled.t or 0)
        if settled.z == MAX:
            return projection.brightest(self._all_z(channel, t))
        if settled.z == MEAN:
            return projection.mean(self._all_z(channel, t))
        return self.read(channel, int(settled.z or 0), t)

    def channels(self, settled: Choice) -> dict[str, np.ndarray]:
        """All channels at the place of a choice that `settle` gave, by name, that one's first."""
        count = self.count("channel")
        unique = len(set(self.names)) == count
        names = self.names if unique else [f"c{number}" for number in range(count)]
        first = settled.channel if isinstance(settled.channel, int) else 0
        order = sorted(range(count), key=lambda number: number != first)
        return {names[n]: self.plane(replace(settled, channel=n)) for n in order}

    def _all_z(self, channel: int, t: int) -> Iterator[np.ndarray]:
        return (self.read(channel, z, t) for z in range(self.count("z")))

    def only_channel(self, z: int | str | None, t: int) -> int | None:
        """The channel that holds all there is to see, or None where it is unclear."""
        count = self.count("channel")
        if count == 1:
            return 0
        levels = range(self.count("z")) if isinstance(z, str) else [self.number("z", z or 0)]
        tolerance = JPEG_TOLERANCE if self.raw.lossy else 0
        equal, low, high = True, np.full(count, np.inf), np.full(count, -np.inf)
        for level in levels:
            for parts in _together(self.read(channel, level, t) for channel in range(count)):
                equal = equal and bool(np.ptp(parts, axis=0).max() <= tolerance)
                low = np.minimum(low, parts.min(axis=(1, 2)))
                high = np.maximum(high, parts.max(axis=(1, 2)))
        if equal:
            return min(1, count - 1)  # green, where colours differ by rounding: next to luminance
        varying = np.flatnonzero(low != high).tolist()
        return varying[0] if len(varying) == 1 else None

    def describe(self) -> str:
        """Shape, axes and channels, for messages."""
        sizes = zip(self.raw.axes, self.raw.data.shape, strict=True)
        named = f"; channels {', '.join(self.names)}" if self.names else ""
        return f"axes {', '.join(f'{axis}={n}' for axis, n in sizes)}{named}"


def _together(planes: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """(channels, rows, W), strip by strip."""
    held = list(planes)
    for parts in zip(*map(strips, held), strict=True):
        yield np.stack(parts)
    for plane in held:
        release(plane)


def find_planes(path: Path, raw: RawImage, choice: Choice) -> Planes:
    """Say which axis of an image answers to which choice.

    Raises:
        ImageReadError: it has more axes than can be chosen from.
    """
    raw = shown(raw, choice.invert)
    axes, shape = raw.axes, raw.data.shape
    free = [
        number
        for number, (axis, length) in enumerate(zip(axes, shape, strict=True))
        if axis not in "YX" and length - (raw.alpha if axis == "S" else 0) > 1
    ]
    roles: dict[str, int] = {}
    for role, letters in (("channel", "SC"), ("t", "T"), ("z", "Z")):
        found = next((n for letter in letters for n in free if axes[n] == letter), None)
        if found is not None:
            roles[role] = found
            free.remove(found)
    unnamed = [number for number in free if axes[number] in UNNAMED]
    for role in _claims(choice):
        if role not in roles and unnamed:
            roles[role] = unnamed.pop(0)
            free.remove(roles[role])
    if "z" not in roles and "t" in roles and choice.t is None and choice.z is not None:
        roles["z"] = roles.pop("t")  # the only stack axis
    planes = Planes(path, raw, roles)
    if axes.count("Y") != 1 or axes.count("X") != 1:
        raise ImageReadError(
            f"{path}: is no image: expected rows and columns (axes {', '.join(axes)}; shape "
            f"{shape}). Export the image again."
        )
    if free:
        raise ImageReadError(
            f"{path}: has more axes than can be chosen from ({planes.describe()}). Save the "
            "position or plane wanted as a file of its own."
        )
    return planes


def _claims(choice: Choice) -> tuple[str, ...]:
    """Which roles unnamed axes may have, in their order."""
    if choice.t is not None:
        return ("t", "z")
    if choice.channel is not None and choice.z is None:
        return ("channel", "z")
    return ("z",)


def select_plane(path: Path, raw: RawImage, choice: Choice) -> np.ndarray:
    """Reduce an image's planes to one by the choices made.

    Args:
        path: the file, for messages.
        raw: all it holds.
        choice: of one plane.

    Returns:
        (H, W), in the dtype of the file; contiguous, unless it is mapped to a file.

    Raises:
        ImageReadError: a choice is missing (the message says which) or out of range, or the file
            has more axes than can be chosen from.
    """
    planes = find_planes(path, raw, choice)
    return planes.plane(planes.settle(choice))


def _ambiguous(planes: Planes, missing: Iterable[str]) -> PlaneChoiceError:
    """What to choose, and from what there is."""
    options = []
    for role in missing:
        others = {"t": (EACH,), "z": (MAX, MEAN, FOCUS, EACH), "channel": (*planes.names, MAX)}
        first = f"--{role} 0..{planes.count(role) - 1}"
        options.append(f"{first} (or {', '.join(others[role])})")
    return PlaneChoiceError(
        f"{planes.path}: holds several planes ({planes.describe()}). "
        f"Choose with {' and '.join(options)}."
    )
