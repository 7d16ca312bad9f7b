"""Nuclei that wander, push each other apart, grow and divide in a dish around a field.

A nucleus goes on in part as it went before. It grows until it divides: it condenses into a bright
rod, then two of half the area lie where it was. The dish reaches beyond the field, so nuclei come
and go.

N nuclei in the dish; h, w of the box around one nucleus. The field's corner is the origin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.spatial import cKDTree

from nucseg_tf.data.simulate.cell_lines import CellLine
from nucseg_tf.data.simulate.optics import MITOTIC_BRIGHTNESS, nucleus_light
from nucseg_tf.data.simulate.shapes import Nucleus, draw_nucleus

SPEED = 0.12  # standard deviation of a step, diameters a frame
PERSISTENCE = 0.6  # correlation of a step with the one before
TURN = 0.08  # standard deviation, rad a frame
CYCLE = (40, 80)  # frames between divisions
MITOSIS = 2  # frames that a nucleus is condensed before it divides
ROD = (0.75, 0.45)  # length and width then, of those before
APART = 0.45  # distance of new nuclei from where the old one was, of its diameter
MARGIN = 1.5  # of the dish around the field, diameters
CLOSE = 0.95  # distance, in sums of radii, below which nuclei push each other apart
SETTLING = 30  # rounds of pushing before the first frame


@dataclass
class Cell:
    """A nucleus of the dish.

    Attributes:
        mask: (h, w) bool, its shape when it is as large as it gets.
        light: (h, w) float32, its light then.
        place, step: (2,) px, its middle, and how it moved last.
        angle: rad, by which it is turned.
        age, due: frames since the last division, and from that to the next one.
        area: px, of the mask.
        parent: track of the nucleus that it came from by division; 0 if none.
        track: its own, from when it is first seen; 0 before.
    """

    mask: np.ndarray
    light: np.ndarray
    place: np.ndarray
    angle: float
    age: int
    due: int
    area: int
    parent: int = 0
    track: int = 0
    step: np.ndarray = field(default_factory=lambda: np.zeros(2))

    @property
    def condensed(self) -> bool:
        return self.age >= self.due - MITOSIS

    @property
    def scale(self) -> tuple[float, float]:
        """Length and width, of those of the mask; a new nucleus has half the area."""
        grown = math.sqrt(0.5 + 0.5 * self.age / self.due)
        return ROD if self.condensed else (grown, grown)

    @property
    def brightness(self) -> float:
        return MITOTIC_BRIGHTNESS if self.condensed else 1.0

    @property
    def radius(self) -> float:
        """Of the disc of the same area, px."""
        return math.sqrt(self.area * math.prod(self.scale) / np.pi)


class Dish:
    """All nuclei in and around a field, and how they go on.

    Attributes:
        cells: those that live.
    """

    def __init__(self, rng: np.random.Generator, line: CellLine, shape: tuple[int, int]):
        """Fill a dish for a field of (H, W) px."""
        self._rng, self._shape = rng, np.array(shape)
        self._line = replace(line, mitoses=0.0)  # nuclei divide when they are due
        self._diameter = 2 * math.sqrt(line.whole_area[0] / np.pi)
        self._margin = MARGIN * self._diameter
        area = np.prod(self._shape + 2 * self._margin)
        self._room = max(2, round(line.nuclei * area / np.prod(line.shape)))
        places = rng.uniform(-self._margin, self._shape + self._margin, (self._room, 2))
        self.cells = [self._new(place, rng.random()) for place in places]
        for _ in range(SETTLING):
            _push_apart(self.cells)

    def go_on(self) -> None:
        """One frame more: all age, move, divide; those outside the dish are lost, others come."""
        rng, crowded = self._rng, len(self.cells) > 1.2 * self._room
        self.cells = [cell for old in self.cells for cell in self._divide(old)]
        for cell in self.cells:
            waits = crowded and cell.age == cell.due - MITOSIS - 1
            cell.age += not waits
            kick = math.sqrt(1 - PERSISTENCE**2) * SPEED * self._diameter * rng.normal(0, 1, 2)
            cell.step = PERSISTENCE * cell.step + kick
            cell.place = cell.place + cell.step
            cell.angle += rng.normal(0, TURN)
        _push_apart(self.cells)
        self.cells = [cell for cell in self.cells if self._outside(cell.place) < self._margin]
        missing = self._room - len(self.cells)
        places = rng.uniform(-self._margin, self._shape + self._margin, (4 * max(missing, 0), 2))
        hidden = [place for place in places if self._outside(place) > self._diameter]
        self.cells += [self._new(place, rng.random()) for place in hidden[:missing]]

    def _new(self, place: np.ndarray, ripe: float, parent: int = 0) -> Cell:
        """A nucleus at a place, of which a share of the time to its division is over."""
        nucleus = draw_nucleus(self._rng, self._line)
        mask = np.pad(nucleus.mask, 1)
        patch, pad = nucleus_light(self._rng, Nucleus(mask, mitotic=False), self._line)
        light = patch[pad : patch.shape[0] - pad, pad : patch.shape[1] - pad]
        due = int(self._rng.integers(*CYCLE))
        turned = self._rng.uniform(0, 2 * np.pi)
        age, area = int(ripe * due), int(np.count_nonzero(mask))
        return Cell(mask, light, np.array(place), turned, age, due, area, parent)

    def _divide(self, cell: Cell) -> list[Cell]:
        """The nucleus itself, or the two that it becomes when it is due."""
        if cell.age < cell.due:
            return [cell]
        ahead = np.array([math.cos(cell.angle), math.sin(cell.angle)])
        away = APART * self._diameter * ahead
        return [self._new(cell.place + side * away, 0.0, cell.track) for side in (-1, 1)]

    def _outside(self, place: np.ndarray) -> float:
        """How far outside the field a place lies, px; negative within."""
        return float(np.maximum(-place, place - self._shape).max())


def _push_apart(cells: list[Cell]) -> None:
    """Move nuclei that are too close to each other apart, by half of what is missing."""
    if len(cells) < 2:
        return
    places, radii = np.array([cell.place for cell in cells]), np.array([c.radius for c in cells])
    pairs = cKDTree(places).query_pairs(2 * CLOSE * radii.max(), output_type="ndarray")
    between = places[pairs[:, 1]] - places[pairs[:, 0]]
    distance = np.maximum(np.linalg.norm(between, axis=1), 1e-6)
    missing = np.maximum(CLOSE * radii[pairs].sum(axis=1) - distance, 0)
    push = (missing / distance / 4)[:, np.newaxis] * between
    np.add.at(places, pairs[:, 1], push)
    np.add.at(places, pairs[:, 0], -push)
    for cell, place in zip(cells, places, strict=True):
        cell.place = place
