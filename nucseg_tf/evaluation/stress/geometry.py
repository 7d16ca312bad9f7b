"""Scenes at other zooms, and windows of them."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from nucseg_tf.evaluation.stress.scene import Scene, known, middle
from nucseg_tf.imaging.raster import Plain, Resized
from nucseg_tf.imaging.resample import scaled_shape
from nucseg_tf.imaging.window import Window

AROUND = 2.5  # diameters, side of the window around one nucleus
TYPICAL = 1.4  # largest ratio of its diameter to the median


def zoom(scene: Scene, factor: float) -> Scene:
    """Enlarge a scene; labels take the nearest pixel. Of what is too large the middle stays."""
    shape = scaled_shape(scene.labels.shape, factor)
    resized = Resized(Plain(scene.pixels.astype(np.float32)), shape)
    pixels = resized.read(Window.whole(shape))
    places = [
        ((np.arange(new) + 0.5) * old / new).astype(int)
        for new, old in zip(pixels.shape, scene.labels.shape, strict=True)
    ]
    nearest = np.ix_(*places)
    larger = Scene(
        scene.name,
        scene.redraw(pixels).pixels,
        scene.labels[nearest],
        scene.ignored[nearest],
    )
    return middle(known(*vars(larger).values()))


def one_nucleus(scene: Scene, rng: np.random.Generator) -> Scene | None:
    """A window around a typical nucleus that lies free; None where no such nucleus does."""
    windows = [
        window
        for label, place in enumerate(ndimage.find_objects(scene.labels), start=1)
        if (window := _window(scene, label, place)) is not None
    ]
    return scene.cut(*windows[rng.integers(len(windows))]) if windows else None


def _window(scene: Scene, label: int, place: tuple[slice, ...]) -> tuple[slice, slice] | None:
    """The window around a nucleus if it lies in the scene and holds no other."""
    area = np.count_nonzero(scene.labels[place] == label)
    diameter = np.sqrt(area * 4 / np.pi)
    if not 1 / TYPICAL < diameter / scene.diameter < TYPICAL:
        return None
    side = round(AROUND * diameter)
    starts = [(axis.start + axis.stop - side) // 2 for axis in place]
    rows, columns = (slice(start, start + side) for start in starts)
    inside = min(starts) >= 0 and all(
        start + side <= length for start, length in zip(starts, scene.labels.shape, strict=True)
    )
    if not inside or scene.ignored[rows, columns].any():
        return None
    window = scene.labels[rows, columns]
    alone = np.isin(window, (0, label)).all() and np.count_nonzero(window) == area
    return (rows, columns) if alone else None
