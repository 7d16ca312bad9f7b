"""Fields without nuclei: their own background, and what lies on it.

Light is in units of the contrast of nuclei: 1 is what a typical nucleus adds to the background. d
is the median diameter of the nuclei that were there, px.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from scipy import ndimage

from nucseg_tf.evaluation.stress.scene import Scene

Shape = tuple[int, ...]
Draw = Callable[[np.random.Generator, Shape, float], np.ndarray]  # shape, d -> light (H, W)
HALO = 0.25  # d; around nuclei where their light still is
SHIFTS = 40  # tries to fill a place with background from elsewhere
MOST = 300  # specks of a field


def empty(scene: Scene, rng: np.random.Generator) -> Scene:
    """The background alone."""
    return scene.redraw(background(scene, rng), **_nothing(scene))


def litter(scene: Scene, rng: np.random.Generator, draw: Draw) -> Scene:
    """The background with debris."""
    low, high = scene.levels
    values = background(scene, rng)
    light = draw(rng, scene.labels.shape, scene.diameter)
    return scene.redraw(values + (high - low) * light, **_nothing(scene))


def background(scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """A scene whose nuclei are painted over with the background around them.

    Its slow part is continued below them; its grain is copied from elsewhere in the field, and
    drawn from all of it where that fails.

    Returns:
        (H, W) float32, in the units of `pixels`.
    """
    reach = HALO * scene.diameter + 2
    occupied = (scene.labels > 0) | scene.ignored
    away = ndimage.distance_transform_edt(~occupied)
    free = away >= min(reach, away.max() / 2)
    values = scene.pixels.astype(np.float32)
    slow = _continue(values, free, 0.5 * scene.diameter)
    grain = np.where(free, values - slow, 0)
    limits = np.percentile(grain[free], (0.5, 99.5))
    missing = ~free
    for _ in range(SHIFTS):
        shift = [int(rng.integers(length)) for length in missing.shape]
        fits = missing & np.roll(free, shift, (0, 1))
        grain[fits] = np.roll(values - slow, shift, (0, 1))[fits]
        missing &= ~fits
    grain[missing] = rng.choice(grain[free], np.count_nonzero(missing))
    grain[~free] = grain[~free].clip(*limits)
    return slow + grain


def specks(rng: np.random.Generator, shape: Shape, d: float) -> np.ndarray:
    """Dim points, a twentieth of a nucleus across."""
    light = np.zeros(shape, np.float32)
    count = min(MOST, 10 + int(0.5 * np.prod(shape) / d**2)) // 3
    for sigma in np.maximum((0.6, 0.9, 1.2), d * np.array((0.015, 0.025, 0.035))):
        points = np.zeros(shape, np.float32)
        rows, columns = (rng.integers(length, size=count) for length in shape)
        points[rows, columns] = rng.uniform(0.1, 0.6, count) * 2 * np.pi * sigma**2
        light += cv2.GaussianBlur(points, (0, 0), float(sigma))
    return light


def fibres(rng: np.random.Generator, shape: Shape, d: float) -> np.ndarray:
    """A few long, thin, bent threads."""
    light = np.zeros(shape, np.float32)
    for _ in range(int(rng.integers(3, 7))):
        steps = int(rng.integers(15, 50))
        angles = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.15, steps))
        walk = np.cumsum(0.25 * d * np.stack([np.cos(angles), np.sin(angles)], 1), 0)
        points = np.rint(walk + rng.uniform(0, 1, 2) * shape[::-1]).astype(np.int32)
        width = max(1, round(rng.uniform(0.03, 0.1) * d))
        thread = np.zeros(shape, np.float32)
        cv2.polylines(thread, [points], False, float(rng.uniform(0.3, 1.5)), width, cv2.LINE_AA)
        light = np.maximum(light, thread)
    return cv2.GaussianBlur(light, (0, 0), max(0.03 * d, 0.7))


def dust(rng: np.random.Generator, shape: Shape, d: float) -> np.ndarray:
    """Bright, sharp, angular grains and splinters of all sizes up to a third of a nucleus."""
    light = np.zeros(shape, np.float32)
    for _ in range(int(rng.integers(8, 25))):
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(4, 8))))
        radii = rng.uniform(0.3, 1.0, len(angles)) * d * np.exp(rng.uniform(-3, -1.2))
        turn, stretch = rng.uniform(0, np.pi), rng.uniform(1, 4)
        across = radii * np.cos(angles) * stretch, radii * np.sin(angles)
        x = across[0] * np.cos(turn) - across[1] * np.sin(turn)
        y = across[0] * np.sin(turn) + across[1] * np.cos(turn)
        corners = np.stack([x, y], 1) + rng.uniform(0, 1, 2) * shape[::-1]
        grain = np.zeros(shape, np.float32)
        cv2.fillPoly(grain, [np.rint(corners).astype(np.int32)], 1.0)
        light = np.maximum(light, grain * np.float32(rng.uniform(1.5, 5)))
    return cv2.GaussianBlur(light, (0, 0), 0.6)


def haze(rng: np.random.Generator, shape: Shape, d: float) -> np.ndarray:
    """Light far out of focus: soft clouds, larger than nuclei, that run into one another."""
    light = np.zeros(shape, np.float32)
    rows, columns = np.indices(shape, np.float32)
    for _ in range(int(rng.integers(4, 9))):
        row, column = (rng.uniform(0, length) for length in shape)
        turn, (long, short) = rng.uniform(0, np.pi), d * np.array((1, 0.5)) * rng.uniform(2, 4)
        along = (rows - row) * np.sin(turn) + (columns - column) * np.cos(turn)
        aside = (rows - row) * np.cos(turn) - (columns - column) * np.sin(turn)
        bell = np.exp(-((along / long) ** 2 + (aside / short) ** 2) / 2)
        light += rng.uniform(0.1, 0.5) * bell.astype(np.float32)
    return light


def _nothing(scene: Scene) -> dict[str, np.ndarray]:
    """The truth of an empty field."""
    shape = scene.labels.shape
    return {"labels": np.zeros(shape, np.int32), "ignored": np.zeros(shape, bool)}


def _continue(values: np.ndarray, free: np.ndarray, sigma: float) -> np.ndarray:
    """Blur of the free pixels alone; wider where none is near, their median where it is far."""
    found = np.full(values.shape, np.median(values[free]), np.float32)
    missing = np.ones(values.shape, bool)
    for width in (sigma, 2 * sigma, 4 * sigma):
        weight = _wide_blur(free.astype(np.float32), width)
        blurred = _wide_blur(np.where(free, values, 0), width)
        near = missing & (weight > 0.05)
        found[near] = blurred[near] / weight[near]
        missing &= ~near
    return cv2.GaussianBlur(found, (0, 0), 2.0)


def _wide_blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur; on a coarser grid where it is wide, which costs far less."""
    step = max(1, int(sigma / 4))
    height, width = image.shape
    size = (-(-width // step), -(-height // step))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return cv2.resize(cv2.GaussianBlur(small, (0, 0), sigma / step), (width, height))
