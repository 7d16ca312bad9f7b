"""One field of view from its seed."""

from __future__ import annotations

import zlib

import numpy as np

from nucseg_tf.data.simulate.arrange import arrange, windows
from nucseg_tf.data.simulate.cell_lines import CellLine
from nucseg_tf.data.simulate.optics import add_debris, nucleus_light, photograph
from nucseg_tf.data.simulate.shapes import draw_nucleus
from nucseg_tf.errors import UsageError

SIDES = (64, 4096)  # px that a side may have
COUNT_SPREAD = 0.05  # the number of nuclei differs so much from the mean at most


def simulate_field(
    line: CellLine, index: int, seed: int = 0, shape: tuple[int, int] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a field of view; the same arguments give the same field.

    Nuclei are as dense as in the paper, whatever the shape; so a smaller field has fewer of them.

    Args:
        line: the cell line.
        index: of the field, from 1.
        seed: another seed is another set of fields.
        shape: (H, W) in px; that of the paper's fields if None.

    Returns:
        Image (H, W) uint16.

        Labels (H, W) int32, 0 background, 1..N; each nucleus one 4-connected piece without holes.

    Raises:
        UsageError: a side or the seed is out of range.

    >>> from nucseg_tf.data.simulate.cell_lines import find_cell_lines
    >>> image, labels = simulate_field(find_cell_lines("HCT116")[0], index=1, shape=(128, 160))
    >>> image.shape, image.dtype.name, labels.dtype.name
    ((128, 160), 'uint16', 'int32')
    """
    shape = check_shape(shape or line.shape)
    rng = np.random.default_rng([check_seed(seed), zlib.crc32(line.name.encode()), index])
    mean = line.nuclei * np.prod(shape) / np.prod(line.shape)
    count = max(1, round(mean * rng.uniform(1 - COUNT_SPREAD, 1 + COUNT_SPREAD)))
    nuclei = [draw_nucleus(rng, line) for _ in range(count)]
    labels, corners = arrange(rng, nuclei, line, shape)
    light = np.zeros(shape, np.float32)
    for nucleus, corner in zip(nuclei, corners, strict=True):
        if corner is not None:
            patch, pad = nucleus_light(rng, nucleus, line)
            field, box = windows((corner[0] - pad, corner[1] - pad), patch.shape, shape)
            light[field] += patch[box]
    add_debris(rng, light, labels, line)
    return photograph(rng, light, line), labels


def parse_shape(text: str) -> tuple[int, int]:
    """(H, W) from text such as "512x640".

    Raises:
        UsageError: it reads differently, or a side is out of range.

    >>> parse_shape("512x640")
    (512, 640)
    """
    sides = text.lower().split("x")
    if len(sides) != 2 or not all(side.isdecimal() for side in sides):
        raise UsageError(f"--size: expected HEIGHTxWIDTH, such as 512x640. Received: {text!r}")
    return check_shape((int(sides[0]), int(sides[1])))


def check_shape(shape: tuple[int, int]) -> tuple[int, int]:
    """Raise UsageError if a side of a field is out of range, else return the shape."""
    if not all(SIDES[0] <= side <= SIDES[1] for side in shape):
        raise UsageError(
            f"--size: sides must be {SIDES[0]} to {SIDES[1]} px. Received: {shape[0]}x{shape[1]}"
        )
    return shape


def check_seed(seed: int) -> int:
    """Raise UsageError if a seed is negative, else return it."""
    if seed < 0:
        raise UsageError(f"--seed: expected 0 or more. Received: {seed}")
    return seed
