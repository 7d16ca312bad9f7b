"""Choice of one plane among all that a file holds; nothing is guessed.

- `z` picks from the Z axis or, where the file has none, from its only other stack axis (time T,
  or the unnamed axes I and Q of a multi-page TIFF): an index from 0, or "max" for the maximum
  projection. A file with two such axes, say Z and T, is refused.
- `channel` picks from the channel axis C or the colour samples S: an index from 0, or "max". It
  also picks from an unnamed axis (I, Q) that `z` does not claim. Two cases need no choice: all
  channels are equal (grey stored as RGB), or exactly one of them is not constant. Alpha is ignored.

Letters: Z planes, C channels, H rows, W columns.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nucseg_tf.errors import ImageReadError, UsageError
from nucseg_tf.imaging.scratch import is_mapped, release, scratch
from nucseg_tf.io.readers.base import RawImage

# Rounding between YCbCr and RGB shifts the channels of a grey JPEG by so many levels of 255.
JPEG_TOLERANCE = 3
ROWS = 256  # of a stack too large for memory that are looked at together


def check_choice(name: str, value: int | str | None) -> int | str | None:
    """Check a `--z` or `--channel` value.

    Args:
        name: of the option, without dashes.
        value: an index from 0, also as text, "max" or None.

    Returns:
        The index as a number, "max" or None.

    Raises:
        UsageError: it is something else.
    """
    with contextlib.suppress(ValueError, TypeError):
        if value is None or value == "max":
            return value
        if int(value) == float(value) >= 0:
            return int(value)
    raise UsageError(f'--{name} must be an index from 0 or "max". Received: {value!r}')


def select_plane(
    path: Path, raw: RawImage, channel: int | str | None, z: int | str | None
) -> np.ndarray:
    """Reduce a file's planes to one by the choices made.

    Args:
        path: the file, for messages.
        raw: all it holds.
        channel, z: as `check_choice` gives them.

    Returns:
        (H, W), in the dtype of the file; contiguous, unless it is mapped to a file.

    Raises:
        ImageReadError: a choice is missing (the message says which) or out of range, or the file
            has more axes than can be chosen from.
    """
    stack = _as_zcyx(path, raw, channel, z)
    if channel is None:
        channel = _only_channel(stack, JPEG_TOLERANCE if raw.lossy else 0)
    options = []
    if z is None and len(stack) > 1:
        options.append(f"--z 0..{len(stack) - 1} or --z max")
    if channel is None:
        options.append(f"--channel 0..{stack.shape[1] - 1} or --channel max")
    if options:
        raise ImageReadError(
            f"{path}: holds several planes ({_describe(raw)}). Choose with {' and '.join(options)}."
        )
    plane = _take(path, "channel", _take(path, "z", stack, z), channel)
    return plane if is_mapped(plane) else np.ascontiguousarray(plane)


def _as_zcyx(
    path: Path, raw: RawImage, channel: int | str | None, z: int | str | None
) -> np.ndarray:
    """Bring the axes of a file into the order (Z, C, H, W), without alpha."""
    data, axes = raw.data, raw.axes
    if "S" in axes and raw.alpha:
        colours = data.shape[axes.index("S")] - raw.alpha
        data = data[(slice(None),) * axes.index("S") + (slice(colours),)]  # may lie in a file
    keep = [i for i, a in enumerate(axes) if a in "YX" or data.shape[i] > 1]
    data = data.reshape([data.shape[i] for i in keep])
    axes = "".join(axes[i] for i in keep)
    extra = [a for a in axes if a not in "YX"]
    channel_axis = next((a for a in "SC" if a in extra), None)
    if channel_axis is None and channel is not None and z is None:
        channel_axis = next((a for a in extra if a in "QI"), None)
    stack_axes = [a for a in extra if a != channel_axis]
    if axes.count("Y") != 1 or axes.count("X") != 1 or len(stack_axes) > 1:
        raise ImageReadError(
            f"{path}: has more axes than can be chosen from ({_describe(raw)}). Save the time "
            "point, position or plane wanted as a file of its own."
        )
    order = [*stack_axes, *([channel_axis] if channel_axis else []), "Y", "X"]
    data = data.transpose([axes.index(a) for a in order])
    if not channel_axis:
        data = np.expand_dims(data, -3)
    return data if stack_axes else data[np.newaxis]


def _only_channel(stack: np.ndarray, tolerance: int) -> int | None:
    """The channel of (Z, C, H, W) that holds all there is to see, or None where it is unclear."""
    channels = stack.shape[1]
    if channels == 1 or all(np.ptp(part, axis=1).max() <= tolerance for part in _rows(stack)):
        return min(1, channels - 1)  # green, where colours differ by rounding: nearest to luminance
    ends = [(part.min(axis=(0, 2, 3)), part.max(axis=(0, 2, 3))) for part in _rows(stack)]
    low, high = np.min([e[0] for e in ends], axis=0), np.max([e[1] for e in ends], axis=0)
    varying = np.flatnonzero(low != high).tolist()
    return varying[0] if len(varying) == 1 else None


def _rows(stack: np.ndarray) -> Iterator[np.ndarray]:
    """(Z, C, H, W), in strips of rows where it is mapped to a file."""
    rows = ROWS if is_mapped(stack) else stack.shape[2]
    for top in range(0, stack.shape[2], rows):
        yield stack[:, :, top : top + rows]
        release(stack)


def _take(path: Path, name: str, stack: np.ndarray, choice: int | str | None) -> np.ndarray:
    if choice == "max":
        return _highest(stack)
    index = int(choice or 0)
    if index >= len(stack):
        raise ImageReadError(
            f"{path}: --{name} {index} is out of range; this file has 0..{len(stack) - 1}"
        )
    return stack[index]


def _highest(stack: np.ndarray) -> np.ndarray:
    """Maximum over the first axis; of a mapped stack in strips of rows, to a scratch array."""
    if not is_mapped(stack) or len(stack) == 1:
        return stack.max(axis=0)
    out = scratch(stack.shape[1:], stack.dtype.newbyteorder("="))
    for top in range(0, stack.shape[-2], ROWS):
        rows = np.s_[..., top : top + ROWS, :]
        out[rows] = stack[rows].max(axis=0)
        release(stack)
        release(out)
    return out


def _describe(raw: RawImage) -> str:
    axes = ", ".join(f"{a}={n}" for a, n in zip(raw.axes, raw.data.shape, strict=True))
    return f"shape {raw.data.shape}, axes {axes}"
