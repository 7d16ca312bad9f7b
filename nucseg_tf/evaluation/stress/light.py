"""Scenes in other light: what microscope, camera and files do to grey values."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from nucseg_tf.evaluation.stress.scene import Scene
from nucseg_tf.imaging.components import keep_areas

PHOTONS, STRAY, READ_NOISE = 20.0, 2.0, 2.0  # of a nucleus' pixel, of the background; photons
OFFSET, GAIN = 1000, 12  # grey; of a camera of 16 bits
DARKEST = 0.15  # share of the light that is left at the dark end of a shaded field
PATCH = 0.45  # share of each side of a field that a patch covers
DEAD = 20.0  # brightness of a dead cell, times that of the others
GLOW = 0.02  # share of a dead cell's light that strays over its surroundings


def blur(scene: Scene, fraction: float) -> Scene:
    """Gaussian blur whose standard deviation is a fraction of the median diameter."""
    sigma = max(fraction * scene.diameter, 0.3)
    return scene.redraw(cv2.GaussianBlur(scene.pixels.astype(np.float32), (0, 0), sigma))


def noise(scene: Scene, rng: np.random.Generator) -> Scene:
    """A camera that sees few photons: Poisson noise, and Gaussian noise of reading out."""
    low, high = scene.levels
    light = PHOTONS * (scene.pixels - low) / (high - low) + STRAY
    photons = rng.poisson(np.maximum(light, 0)) + rng.normal(0, READ_NOISE, light.shape)
    grey = np.rint(OFFSET + GAIN * photons).clip(0, 65535)
    return replace(scene, pixels=grey.astype(np.uint16))


def gamma(scene: Scene, power: float) -> Scene:
    """Grey values to a power, between the smallest and the largest."""
    low, high = float(scene.pixels.min()), max(float(scene.pixels.max()), 1.0)
    return scene.redraw(low + (high - low) * ((scene.pixels - low) / (high - low)) ** power)


def shade(scene: Scene, rng: np.random.Generator) -> Scene:
    """Light that falls off from one side of the field to the other."""
    return scene.redraw(scene.pixels * (DARKEST + (1 - DARKEST) * _ramp(scene, rng)))


def slope(scene: Scene, rng: np.random.Generator) -> Scene:
    """A background that rises, from one side to the other, by the brightness of nuclei."""
    low, high = scene.levels
    return scene.redraw(scene.pixels + (high - low) * _ramp(scene, rng))


def sixteen_bits(scene: Scene) -> Scene:
    """A camera of 16 bits with an offset: other numbers, nothing else."""
    grey = OFFSET + scene.pixels.astype(np.float32) * GAIN
    return replace(scene, pixels=np.rint(grey).clip(0, 65535).astype(np.uint16))


def saturate(scene: Scene) -> Scene:
    """Exposed too long: half of the pixels of nuclei are white."""
    limit = np.median(scene.pixels[scene.labels > 0])
    return scene.redraw(np.minimum(scene.pixels, limit))


def jpeg(scene: Scene, quality: int) -> Scene:
    """Saved as JPEG, with its blocks and ringing."""
    low, high = float(scene.pixels.min()), float(scene.pixels.max())
    grey = (scene.pixels - low) * (255 / max(high - low, 1.0))
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    _, encoded = cv2.imencode(".jpg", np.rint(grey).astype(np.uint8), options)
    pixels = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE))
    return replace(scene, pixels=pixels)


def glare(scene: Scene, rng: np.random.Generator) -> Scene:
    """A soft oval of background as bright as nuclei elsewhere; nuclei in it stand out above it."""
    low, high = scene.levels
    rows, columns = _place(scene, rng)
    oval = np.zeros(scene.labels.shape, np.float32)
    height, width = oval[rows, columns].shape
    middle = (columns.start + width // 2, rows.start + height // 2)
    cv2.ellipse(oval, middle, (width // 2, height // 2), 0, 0, 360, high - low, cv2.FILLED)
    soft = cv2.GaussianBlur(oval, (0, 0), max(0.4 * scene.diameter, 0.5))
    return scene.redraw(scene.pixels + soft)


def inverted_patch(scene: Scene, rng: np.random.Generator) -> Scene:
    """A patch in which dark is bright. It is ignored, with the nuclei that reach into it."""
    place = _place(scene, rng)
    values = scene.pixels.astype(np.float32)
    values[place] = values[place].max() + values[place].min() - values[place]
    gone = np.isin(scene.labels, np.unique(scene.labels[place])) & (scene.labels > 0)
    ignored = scene.ignored | gone
    ignored[place] = True
    kept = keep_areas(np.where(gone, 0, scene.labels), 1)
    return scene.redraw(values, labels=kept, ignored=ignored)


def dead_cell(scene: Scene, rng: np.random.Generator) -> Scene:
    """One nucleus 20 times as bright as the rest, with a glow; it is a nucleus still."""
    low, high = scene.levels
    areas = np.bincount(scene.labels.ravel())[1:]
    label = 1 + int(rng.choice(np.flatnonzero(areas >= np.median(areas))))
    mask = scene.labels == label
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), max(0.04 * scene.diameter, 0.5))
    texture = np.maximum(scene.pixels - low, 0.5 * (high - low)) * soft
    light = texture * (DEAD * (high - low) / texture[mask].mean())
    glow = GLOW * cv2.GaussianBlur(light.astype(np.float32), (0, 0), scene.diameter)
    return scene.redraw(scene.pixels + light + glow)


def _ramp(scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """(H, W) from 0 at one side to 1 at the other, in any direction."""
    angle = rng.uniform(0, 2 * np.pi)
    rows, columns = (np.linspace(-1, 1, length) for length in scene.labels.shape)
    plane = np.sin(angle) * rows[:, None] + np.cos(angle) * columns
    return (plane - plane.min()) / max(np.ptp(plane), 1e-6)


def _place(scene: Scene, rng: np.random.Generator) -> tuple[slice, slice]:
    """Where a patch lies, anywhere in the field."""
    sides = [max(1, round(PATCH * length)) for length in scene.labels.shape]
    starts = [
        int(rng.integers(length - side + 1))
        for length, side in zip(scene.labels.shape, sides, strict=True)
    ]
    rows, columns = (slice(start, start + side) for start, side in zip(starts, sides, strict=True))
    return rows, columns
