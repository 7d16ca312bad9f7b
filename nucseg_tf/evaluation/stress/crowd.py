"""Crowds of real nuclei that touch, with exact outlines.

Nuclei that lie free in other fields are cut out with the light around them, turned, and pasted side
by side onto the background of a field. They are pressed together a little: where one would lie over
another, that one stays, so that they share an edge and not a point.

Letters: h, w rows and columns of a cut-out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from nucseg_tf.evaluation.stress.debris import background
from nucseg_tf.evaluation.stress.scene import Scene

HALO = 0.15  # diameters around a nucleus that go with it; within them it must lie free
ALIKE = (1.3, 1.8)  # largest ratio of diameters, and of brightnesses, to those of the field
FEWEST = 5  # nuclei that are alike, without which there is no crowd
PRESSED = 0.06  # share of a nucleus that may be lost to those beside it
FILL = 0.3  # share of the field that nuclei cover
CLUSTER = (4, 13)  # nuclei side by side
TRIES = 12  # places for a nucleus beside others, before a new cluster is begun


@dataclass(frozen=True)
class Cutout:
    """A nucleus that lay free.

    Attributes:
        field: name of its field.
        mask: (h, w) bool.
        light: (h, w) float32, grey above the background; fades to 0 at the edge of the halo.
    """

    field: str
    mask: np.ndarray
    light: np.ndarray

    @property
    def diameter(self) -> float:
        """Of the circle of its area, px."""
        return float(np.sqrt(np.count_nonzero(self.mask) * 4 / np.pi))

    @property
    def brightness(self) -> float:
        """Median grey above the background."""
        return float(np.median(self.light[self.mask]))


def cut_out(scenes: Iterable[Scene]) -> list[Cutout]:
    """All nuclei of the scenes that lie free, and whole."""
    return [
        cutout
        for scene in scenes
        for label, place in enumerate(ndimage.find_objects(scene.labels), start=1)
        if (cutout := _cut(scene, label, place)) is not None
    ]


def crowd(scene: Scene, rng: np.random.Generator, cutouts: Sequence[Cutout]) -> Scene | None:
    """A field of crowded nuclei, on the background of a scene.

    Args:
        scene: whose background, diameter and brightness to go by.
        rng: random numbers.
        cutouts: nuclei of the same data set; those of the scene are not used.

    Returns:
        The field; None where too few nuclei of other fields are like those of this one.
    """
    alike = _alike(scene, cutouts)
    if len(alike) < FEWEST:
        return None
    low, high = scene.levels
    light = np.zeros(scene.labels.shape, np.float32)
    labels = np.zeros(scene.labels.shape, np.int32)
    cluster: list[tuple[float, float]] = []
    size = int(rng.integers(*CLUSTER))
    for _ in range(max(2, round(FILL * labels.size / (np.pi / 4 * scene.diameter**2)))):
        nucleus = _turn(alike[rng.integers(len(alike))], rng)
        corner = _beside(labels, nucleus, cluster, rng) if 0 < len(cluster) < size else None
        if corner is None:
            cluster, size = [], int(rng.integers(*CLUSTER))
            corner = _apart(labels, nucleus, rng)
        if corner is None:
            continue
        _paste(labels, light, nucleus, corner, high - low)
        cluster.append(tuple(np.add(corner, np.divide(nucleus.mask.shape, 2))))
    if not labels.any():
        return None
    values = background(scene, rng) + light
    return scene.redraw(values, labels, np.zeros(labels.shape, bool))


def _alike(scene: Scene, cutouts: Iterable[Cutout]) -> list[Cutout]:
    """Nuclei of other fields whose diameter and brightness are near those of a field."""
    low, high = scene.levels
    return [
        cutout
        for cutout in cutouts
        if cutout.field != scene.name
        and _ratio(cutout.diameter, scene.diameter) < ALIKE[0]
        and _ratio(cutout.brightness, high - low) < ALIKE[1]
    ]


def _paste(
    labels: np.ndarray,
    light: np.ndarray,
    nucleus: Cutout,
    corner: tuple[int, int],
    brightness: float,
) -> None:
    """Put a nucleus where no other is, in place; half way to the brightness of the field.

    Nuclei of one field differ in brightness, but less than those of several fields.
    """
    window = _window(corner, nucleus)
    own = labels[window] == 0
    labels[window][nucleus.mask & own] = labels.max() + 1
    light[window] += np.where(own, nucleus.light * (brightness / nucleus.brightness) ** 0.5, 0)


def _cut(scene: Scene, label: int, place: tuple[slice, ...]) -> Cutout | None:
    """A nucleus with its halo; None if it is cut, or another is near."""
    diameter = np.sqrt(np.count_nonzero(scene.labels[place] == label) * 4 / np.pi)
    pad = int(np.ceil(HALO * diameter)) + 2
    window = tuple(slice(axis.start - pad, axis.stop + pad) for axis in place)
    if any(
        axis.start < 0 or axis.stop > length
        for axis, length in zip(window, scene.labels.shape, strict=True)
    ):
        return None
    mask = scene.labels[window] == label
    away = ndimage.distance_transform_edt(~mask)
    near = away <= pad
    if scene.ignored[window][near].any() or np.any(scene.labels[window][near & ~mask]):
        return None
    values = scene.pixels[window].astype(np.float32)
    surroundings = np.median(values[near & (away > pad - 2)])
    fade = np.clip(1 - (away - 1) / (pad - 1), 0, 1)
    cutout = Cutout(scene.name, mask, ((values - surroundings) * fade).astype(np.float32))
    return cutout if cutout.brightness > 0 else None


def _beside(
    labels: np.ndarray,
    nucleus: Cutout,
    cluster: Sequence[tuple[float, float]],
    rng: np.random.Generator,
) -> tuple[int, int] | None:
    """Corner of a cut-out that is moved away from one of a cluster until they only touch."""
    area, rim = np.count_nonzero(nucleus.mask), ndimage.binary_dilation(nucleus.mask)
    for _ in range(TRIES):
        target = cluster[int(rng.integers(len(cluster)))]
        angle = rng.uniform(0, 2 * np.pi)
        step = np.array([np.sin(angle), np.cos(angle)])
        middle = np.subtract(target, np.divide(nucleus.mask.shape, 2))
        for distance in range(1, sum(nucleus.mask.shape)):
            row, column = np.rint(middle + distance * step).astype(int)
            if not _inside(labels, nucleus, (row, column)):
                break
            taken = labels[_window((row, column), nucleus)] > 0
            if np.count_nonzero(taken[nucleus.mask]) <= PRESSED * area:
                if np.any(taken[rim]):
                    return row, column
                break
    return None


def _apart(labels: np.ndarray, nucleus: Cutout, rng: np.random.Generator) -> tuple[int, int] | None:
    """Corner of a cut-out in whose window there is nothing; None if none was found."""
    room = [length - size for length, size in zip(labels.shape, nucleus.mask.shape, strict=True)]
    if min(room) < 0:
        return None
    for _ in range(TRIES):
        row, column = (int(rng.integers(length + 1)) for length in room)
        if not np.any(labels[_window((row, column), nucleus)]):
            return row, column
    return None


def _inside(labels: np.ndarray, nucleus: Cutout, corner: tuple[int, int]) -> bool:
    return all(
        0 <= start <= length - size
        for start, size, length in zip(corner, nucleus.mask.shape, labels.shape, strict=True)
    )


def _window(corner: tuple[int, int], nucleus: Cutout) -> tuple[slice, ...]:
    return tuple(
        slice(start, start + size) for start, size in zip(corner, nucleus.mask.shape, strict=True)
    )


def _turn(cutout: Cutout, rng: np.random.Generator) -> Cutout:
    """One of the eight symmetries of the square."""
    turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
    parts = (np.rot90(part, turns) for part in (cutout.mask, cutout.light))
    mask, light = (part[:, ::-1] if mirrored else part for part in parts)
    return Cutout(cutout.field, np.ascontiguousarray(mask), np.ascontiguousarray(light))


def _ratio(one: float, other: float) -> float:
    return max(one / other, other / one)
