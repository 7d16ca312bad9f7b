"""What lies between nuclei and is none: specks, fibres, smudges. S side of a ROI, px."""

from __future__ import annotations

import cv2
import numpy as np

PIECES = (1, 14)
SPECK = (0.02, 0.13)  # diameters of a nucleus, standard deviation
SPECK_LIGHT = (0.1, 2.0)
SMUDGE = (0.2, 1.5)  # diameters, standard deviation along each axis
SMUDGE_LIGHT = (0.02, 0.12)
FIBRE = (1.0, 8.0)  # diameters, length
FIBRE_LIGHT = (0.05, 0.6)
KNEES = 5  # points that a fibre bends at
NOISE = (0.05, 0.25)  # of a field without nuclei, as percentiles stretch it


def add_debris(image: np.ndarray, diameter: float, rng: np.random.Generator) -> np.ndarray:
    """Add pieces that are no nuclei, for they are too small, too thin or too dim.

    Args:
        image: (S, S) float32.
        diameter: of the typical nucleus, px.
        rng: random numbers.

    Returns:
        (S, S) float32.
    """
    image = image.copy()
    for _ in range(rng.integers(*PIECES)):
        draw = (_add_speck, _add_speck, _add_smudge, _add_fibre)[rng.integers(4)]
        draw(image, max(diameter, 8.0), rng)
    return image


def _add_speck(image: np.ndarray, diameter: float, rng: np.random.Generator) -> None:
    sigma = max(rng.uniform(*SPECK) * diameter, 0.6)
    _add_bell(image, (sigma, sigma * rng.uniform(1, 1.5)), _log_uniform(rng, SPECK_LIGHT), rng)


def _add_smudge(image: np.ndarray, diameter: float, rng: np.random.Generator) -> None:
    _add_bell(image, rng.uniform(*SMUDGE, 2) * diameter, _log_uniform(rng, SMUDGE_LIGHT), rng)


def _add_bell(image: np.ndarray, sigmas, light: float, rng: np.random.Generator) -> None:
    row, column = rng.uniform(0, image.shape)
    angle = rng.uniform(0, np.pi)
    reach = int(np.ceil(3 * max(sigmas)))
    rows = np.arange(max(int(row) - reach, 0), min(int(row) + reach + 1, image.shape[0]))
    columns = np.arange(max(int(column) - reach, 0), min(int(column) + reach + 1, image.shape[1]))
    down, right = rows[:, None] - row, columns - column
    along = (down * np.sin(angle) + right * np.cos(angle)) / sigmas[0]
    across = (down * np.cos(angle) - right * np.sin(angle)) / sigmas[1]
    bell = np.exp(-(along**2 + across**2) / 2)
    image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] += (light * bell).astype(np.float32)


def _add_fibre(image: np.ndarray, diameter: float, rng: np.random.Generator) -> None:
    step = rng.uniform(*FIBRE) * diameter / KNEES
    angles = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.4, KNEES))
    points = np.cumsum(step * np.stack([np.cos(angles), np.sin(angles)], -1), axis=0)
    points += rng.uniform(0, image.shape)[::-1]
    line: np.ndarray = np.zeros(image.shape, np.float32)
    width = int(rng.integers(1, 3))
    cv2.polylines(line, [np.rint(points).astype(np.int32)], False, 1.0, width, cv2.LINE_8)
    soft = cv2.GaussianBlur(line, (0, 0), rng.uniform(0.6, 1.2))
    image += soft * np.float32(_log_uniform(rng, FIBRE_LIGHT))


def empty_field(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Background of a field without nuclei: noise, smooth or raw. (S, S) float32."""
    field: np.ndarray = rng.standard_normal(shape, np.float32)
    if rng.integers(2):
        field = cv2.GaussianBlur(field, (0, 0), rng.uniform(0.7, 2.0))
        field = field * np.float32(1 / field.std())
    return np.float32(rng.uniform(0.1, 0.5)) + np.float32(rng.uniform(*NOISE)) * field


def _log_uniform(rng: np.random.Generator, limits: tuple[float, float]) -> float:
    return float(np.exp(rng.uniform(*np.log(limits))))
