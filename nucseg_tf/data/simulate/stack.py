"""Stacks of planes through nuclei that crowd in three dimensions, with exact labels.

A nucleus is a dome above and below its outline: it fills what lies within its half height times its
thickness over a pixel. It may be longer or shorter along the axis than across, and may lean.

Z planes, of H rows and W columns; h, w of the box around one nucleus.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

from nucseg_tf.data.simulate.arrange import windows
from nucseg_tf.data.simulate.cell_lines import CellLine
from nucseg_tf.data.simulate.field import check_seed, check_shape
from nucseg_tf.data.simulate.optics import nucleus_light, photograph, thickness
from nucseg_tf.data.simulate.shapes import Nucleus, draw_nucleus, make_whole

STEP = 1.5  # µm between planes
ELONGATION = (0.7, 1.4)  # height over width
LEAN = 0.3  # standard deviation of the axis' slope
MIN_SECTION = 0.05  # of the nucleus' area: slighter caps are not seen
TRIES = 60  # places looked at for each nucleus
AXIAL_BLUR = 3.0  # along the axis, times the blur in a plane


@dataclass(frozen=True)
class Solid:
    """A nucleus in three dimensions, around its middle plane.

    Attributes:
        nucleus: its outline.
        half: its half height, planes.
        slope: (2,) px that it moves by from plane to plane.
        sections: its masks (h, w) in the planes -reach..reach, of which some may be empty.
    """

    nucleus: Nucleus
    half: float
    slope: np.ndarray
    sections: tuple[np.ndarray, ...]

    @property
    def reach(self) -> int:
        return len(self.sections) // 2


def simulate_stack(
    line: CellLine,
    index: int,
    planes: int,
    seed: int = 0,
    shape: tuple[int, int] | None = None,
    step: float = STEP,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a stack; the same arguments give the same stack.

    Where nuclei of a field cover a share of it, they fill two thirds of this share of a stack.

    Args:
        line: the cell line.
        index: of the stack, from 1.
        planes: how many.
        seed: another seed is another set of stacks.
        shape: (H, W) in px; that of the paper's fields if None.
        step: µm between planes.

    Returns:
        Images (Z, H, W) uint16.

        Labels (Z, H, W) int32, 0 background; a nucleus has one number, 1..N, in all planes, and in
        each one 4-connected piece.

    Raises:
        UsageError: a side or the seed is out of range.
    """
    shape = check_shape(shape or line.shape)
    name = zlib.crc32(f"stack of {line.name}".encode())
    rng = np.random.default_rng([check_seed(seed), name, index])
    labels = np.zeros((planes, *shape), np.int32)
    light = np.zeros(labels.shape, np.float32)
    covered = line.nuclei * line.whole_area[0] / np.prod(line.shape) * 2 / 3 * planes
    missing, count = covered * np.prod(shape), 0
    while missing > 0:
        solid = draw_solid(rng, line, step)
        missing -= sum(np.count_nonzero(section) for section in solid.sections)
        place = _find_place(rng, labels, solid)
        if place is not None and _lay(rng, labels, light, solid, place, count + 1, line):
            count += 1
    blur = line.blur * AXIAL_BLUR * line.pixel_size / step
    light = ndimage.gaussian_filter1d(light, blur, axis=0, mode="nearest")
    sharp = (cv2.GaussianBlur(plane, (0, 0), line.blur) for plane in light)
    return np.stack([photograph(rng, plane, line) for plane in sharp]), labels


def draw_solid(rng: np.random.Generator, line: CellLine, step: float = STEP) -> Solid:
    """Draw a nucleus of a cell line in three dimensions.

    Args:
        rng: random numbers.
        line: the cell line.
        step: µm between planes.
    """
    nucleus = draw_nucleus(rng, line)
    mask = np.pad(nucleus.mask, 1)
    area = np.count_nonzero(mask)
    flat = line.pixel_size / step  # planes a px
    half = math.sqrt(area / np.pi) * rng.uniform(*ELONGATION) * flat
    height = half * thickness(mask, rim=1.0)
    sections = []
    for away in range(-math.floor(half), math.floor(half) + 1):
        section = make_whole(height > abs(away))
        sections.append(section & (np.count_nonzero(section) >= MIN_SECTION * area))
    slope = rng.normal(0, LEAN, 2) / flat
    return Solid(Nucleus(mask, nucleus.mitotic), half, slope, tuple(sections))


def _find_place(
    rng: np.random.Generator, labels: np.ndarray, solid: Solid
) -> tuple[int, int, int] | None:
    """A plane and a corner (row, column) where nothing is in the way; None if none was found."""
    size = np.array(solid.nucleus.mask.shape)
    for _ in range(TRIES):
        middle = int(rng.integers(-solid.reach, len(labels) + solid.reach))
        row, column = rng.integers(-size // 2, labels.shape[1:] - size // 2)
        place = middle, int(row), int(column)
        if not any((labels[at] > 0)[mask].any() for at, mask, _ in _sections(labels, solid, place)):
            return place
    return None


def _lay(
    rng: np.random.Generator,
    labels: np.ndarray,
    light: np.ndarray,
    solid: Solid,
    place: tuple[int, int, int],
    number: int,
    line: CellLine,
) -> bool:
    """Write a nucleus into labels and light; say whether anything of it is within the stack."""
    patch, pad = nucleus_light(rng, solid.nucleus, line)
    texture = patch[pad : patch.shape[0] - pad, pad : patch.shape[1] - pad]
    seen = False
    for at, mask, box in _sections(labels, solid, place):
        whole = make_whole(mask)  # the edge of the field may have cut it
        labels[at][whole] = number
        light[at] += texture[box] * mask
        seen |= bool(whole.any())
    return seen


def _sections(labels: np.ndarray, solid: Solid, place: tuple[int, int, int]):
    """Where a nucleus lies in each plane: index into the stack, mask of what is there, its box."""
    middle, row, column = place
    for away, section in enumerate(solid.sections, start=-solid.reach):
        if 0 <= middle + away < len(labels):
            down, right = np.rint(solid.slope * away).astype(int).tolist()
            corner = row + down, column + right
            field, box = windows(corner, section.shape, labels.shape[1:])
            yield (middle + away, *field), section[box], box
