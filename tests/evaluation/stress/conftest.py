"""Drawn fields: discs, some of which touch, brighter or dimmer, on a background with noise."""

from __future__ import annotations

import numpy as np
import pytest

from nucseg_tf.evaluation.stress.scene import Scene

SHAPE = (150, 190)
# Row, column, radius; the first two touch, the third lies at the edge, the fourth is small.
DISCS = [(30, 30, 10), (30, 49, 9), (0, 100, 10), (120, 20, 5), (75, 75, 9), (80, 140, 10)]


def draw_scene(name: str, seed: int = 0, turned: bool = False) -> Scene:
    """A field of six nuclei of about 20 px."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(SHAPE, np.int32)
    rows, columns = np.indices(SHAPE)
    for label, (row, column, radius) in enumerate(DISCS, start=1):
        row = SHAPE[0] - 1 - row if turned else row
        inside = (rows - row) ** 2 + (columns - column) ** 2 <= radius**2
        labels[inside & (labels == 0)] = label
    grey = np.array([20, 120, 140, 110, 130, 90, 125])[labels] + rng.normal(0, 3, SHAPE)
    return Scene(name, grey.clip(0, 255).astype(np.uint8), labels, np.zeros(SHAPE, bool))


@pytest.fixture
def scene() -> Scene:
    """One field."""
    return draw_scene("a")


@pytest.fixture
def scenes(scene) -> list[Scene]:
    """Four fields."""
    return [scene, *(draw_scene(name, seed, True) for seed, name in enumerate("bcd", start=1))]
