"""Fields without nuclei: background like their own, and what lies on it.

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
HALO = 0.5  # d; around nuclei where their light still is
GRAIN = 0.6  # px, by which noise is blurred, as files are that were resized or compressed
LEAST_NOISE = 0.5  # grey
MOST = 300  # specks of a field


def empty(scene: Scene, rng: np.random.Generator) -> Scene:
    """The background alone."""
    return scene.redraw(background(scene, rng), *_nothing(scene))


def litter(scene: Scene, rng: np.random.Generator, draw: Draw) -> Scene:
    """The background with debris."""
    low, high = scene.levels
    values = background(scene, rng)
    light = draw(rng, scene.labels.shape, scene.diameter)
    return scene.redraw(values + (high - low) * light, *_nothing(scene))


def background(scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """What a scene would look like without nuclei.

    A plane through the background far from nuclei, with noise as strong as it is there. Painting
    nuclei over would leave their halos as rings, which are found as nuclei, and rightly so.

    Returns:
        (H, W) float32, in the units of `pixels`.
    """
    occupied = (scene.labels > 0) | scene.ignored
    away = ndimage.distance_transform_edt(~occupied)
    free = away >= min(HALO * scene.diameter + 2, away.max() / 2)
    values = scene.pixels.astype(np.float32)
    limits = np.percentile(values[free], (5, 75))  # above, what nobody labelled
    rows, columns = np.meshgrid(*(np.linspace(-1, 1, n) for n in values.shape), indexing="ij")
    terms = np.stack([np.ones_like(rows), rows, columns], axis=-1)
    plane = np.linalg.lstsq(terms[free], values[free].clip(*limits), rcond=None)[0]
    fine = (values - cv2.GaussianBlur(values, (0, 0), 2.0))[free]
    strength = max(1.48 * float(np.median(np.abs(fine))), LEAST_NOISE)
    noise = cv2.GaussianBlur(rng.standard_normal(values.shape, np.float32), (0, 0), GRAIN)
    noise = noise * (strength / max(float(noise.std()), 1e-6))
    return ((terms @ plane).clip(*limits) + noise).astype(np.float32)


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
    """Bright, sharp, angular grains and splinters, the largest as long as a nucleus."""
    light = np.zeros(shape, np.float32)
    for _ in range(int(rng.integers(8, 25))):
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(4, 8))))
        radii = rng.uniform(0.3, 1.0, len(angles)) * d * np.exp(rng.uniform(-3.2, -1.8))
        turn, stretch = rng.uniform(0, np.pi), rng.uniform(1, 3)
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


def _nothing(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Labels of an empty field, and what is ignored in it."""
    shape = scene.labels.shape
    return np.zeros(shape, np.int32), np.zeros(shape, bool)
