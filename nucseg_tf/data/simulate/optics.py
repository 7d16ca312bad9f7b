"""From nuclei to grey values: light, blur, stray light, illumination, camera.

Light is in units of a typical nucleus: 1 in its middle, 0 where there is none. It adds up where
nuclei overlap. A camera turns it into photons, and these into grey values.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from scipy import ndimage

from nucseg_tf.data.simulate.cell_lines import CellLine
from nucseg_tf.data.simulate.shapes import Nucleus

BRIGHTNESS = 0.2  # standard deviation among nuclei, of the logarithm
MITOTIC_BRIGHTNESS = 2.2
GRAIN = ((0.3, 0.7), (1.0, 0.5))  # µm and share of the scales of chromatin
NUCLEOLUS = ((0.5, 1.1), (0.2, 0.5))  # µm, standard deviation; share of the light that is missing
DEFOCUS = (2.0, 4.0)  # times the blur in focus
SPECK = ((0.2, 0.7), (0.2, 1.5))  # µm, standard deviation; brightness
HAZE = 8.0  # µm, standard deviation of stray light
SHADING = (0.03, 0.12)  # loss of light in the corners; shading had been corrected for
BACKGROUND = 0.015  # light where there is no nucleus
OFFSET, GAIN, READ_NOISE = 200.0, 10.0, 1.6  # grey; grey per photon; photons
GREY_MAX = 65535


def nucleus_light(
    rng: np.random.Generator, nucleus: Nucleus, line: CellLine
) -> tuple[np.ndarray, int]:
    """The light of one nucleus.

    Args:
        rng: random numbers.
        nucleus: its shape.
        line: the cell line.

    Returns:
        light: (h + 2 p, w + 2 p) float32.
        p: px around the box of the mask, for the blur.
    """
    sigma = line.blur
    if rng.random() < line.defocused:
        sigma *= rng.uniform(*DEFOCUS)
    pad = math.ceil(3 * sigma)
    mask = np.pad(nucleus.mask, pad)
    light = thickness(mask, line.rim) * np.exp(line.chromatin * _chromatin(rng, mask.shape, line))
    if not nucleus.mitotic:
        light *= _nucleoli(rng, mask, line)
    light *= math.exp(rng.normal(0, BRIGHTNESS)) * (MITOTIC_BRIGHTNESS if nucleus.mitotic else 1)
    return cv2.GaussianBlur(light.astype(np.float32), (0, 0), sigma), pad


def add_debris(rng: np.random.Generator, light: np.ndarray, labels: np.ndarray, line: CellLine):
    """Add specks outside nuclei to the light of a field, in place.

    Args:
        rng: random numbers.
        light: (H, W) float32.
        labels: (H, W) int32.
        line: says how many.
    """
    for _ in range(rng.poisson(line.debris * labels.max())):
        row, column = (int(rng.integers(length)) for length in labels.shape)
        sigma = max(0.7, rng.uniform(*SPECK[0]) / line.pixel_size)
        brightness = rng.uniform(*SPECK[1])
        if labels[row, column]:
            continue
        reach = math.ceil(3 * sigma)
        rows = np.arange(max(row - reach, 0), min(row + reach + 1, labels.shape[0]))
        columns = np.arange(max(column - reach, 0), min(column + reach + 1, labels.shape[1]))
        bell = np.exp(-((rows[:, None] - row) ** 2 + (columns - column) ** 2) / (2 * sigma**2))
        light[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] += brightness * bell


def photograph(rng: np.random.Generator, light: np.ndarray, line: CellLine) -> np.ndarray:
    """Stray light, uneven illumination, and a camera with photon and read noise.

    Args:
        rng: random numbers.
        light: (H, W) float32.
        line: the cell line.

    Returns:
        (H, W) uint16.
    """
    light = (1 - line.haze) * light + line.haze * _haze(light, line.pixel_size) + BACKGROUND
    photons = rng.poisson(line.photons * light * _illumination(rng, light.shape))
    grey = OFFSET + GAIN * (photons + rng.normal(0, READ_NOISE, light.shape))
    return np.rint(grey).clip(0, GREY_MAX).astype(np.uint16)


def thickness(mask: np.ndarray, rim: float) -> np.ndarray:
    """How thick a nucleus is over each pixel of its (h, w) mask: 1 at most, 0 outside of it.

    A quarter ellipse over the rim, flat inside of it; with a rim of 1 a disc becomes a ball.
    """
    depth = ndimage.distance_transform_edt(mask)
    slope = np.minimum(depth / max(rim * depth.max(), 1.0), 1)
    return np.sqrt(1 - (1 - slope) ** 2)


def _chromatin(rng: np.random.Generator, shape: tuple[int, ...], line: CellLine) -> np.ndarray:
    """Smooth noise of several scales, about standard normal."""
    texture = np.zeros(shape, np.float32)
    for micrometres, share in GRAIN:
        sigma = max(micrometres / line.pixel_size, 0.7)
        noise = cv2.GaussianBlur(rng.standard_normal(shape, np.float32), (0, 0), sigma)
        texture += share * 2 * math.sqrt(np.pi) * sigma * noise  # the blur divides by as much
    return texture


def _nucleoli(rng: np.random.Generator, mask: np.ndarray, line: CellLine) -> np.ndarray:
    """1, and less in some soft spots inside."""
    factor = np.ones(mask.shape)
    places = np.argwhere(mask)
    rows, columns = np.ogrid[: mask.shape[0], : mask.shape[1]]
    for _ in range(rng.integers(line.nucleoli[0], line.nucleoli[1] + 1)):
        row, column = places[rng.integers(len(places))]
        sigma = rng.uniform(*NUCLEOLUS[0]) / line.pixel_size
        distance = ((rows - row) ** 2 + (columns - column) ** 2) / (2 * sigma**2)
        factor *= 1 - rng.uniform(*NUCLEOLUS[1]) * np.exp(-distance)
    return factor


def _haze(light: np.ndarray, pixel_size: float) -> np.ndarray:
    """The light, blurred far; on a grid of 4 px, where that costs a sixteenth."""
    height, width = light.shape
    small = cv2.resize(light, (-(-width // 4), -(-height // 4)), interpolation=cv2.INTER_AREA)
    sigma = HAZE / pixel_size / 4
    return cv2.resize(cv2.GaussianBlur(small, (0, 0), sigma), (width, height))


def _illumination(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """A paraboloid around a place near the middle: 1 there, less in the corners."""
    row, column = rng.uniform(-0.3, 0.3, 2)
    rows = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, np.newaxis] - row
    columns = np.linspace(-1, 1, shape[1], dtype=np.float32) - column
    return 1 - rng.uniform(*SHADING) * (rows**2 + columns**2) / 2
