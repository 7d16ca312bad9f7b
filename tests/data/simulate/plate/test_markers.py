"""Channels of two nuclei, a square on the left and one on the right, whose cells differ."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nucseg_tf.data.simulate import find_cell_lines
from nucseg_tf.data.simulate.optics import GAIN, OFFSET
from nucseg_tf.data.simulate.plate.markers import NEGATIVE, Cells, draw_edu, draw_reporter

BACKGROUND = 0.015
LINE = replace(find_cell_lines("U2OS")[0], haze=0.0, area=400.0, photons=2000.0)
LEFT, RIGHT = np.s_[25:45, 20:40], np.s_[25:45, 100:120]
CELLS = Cells(np.array([3.0, 0.5]), np.array([1.0, 2.0]), np.array([False, True]))


@pytest.fixture
def labels():
    labels = np.zeros((70, 140), np.int32)
    labels[LEFT], labels[RIGHT] = 1, 2
    return labels


def light(image) -> np.ndarray:
    """What the camera saw, but for noise and uneven light."""
    return (image.astype(float) - OFFSET) / GAIN / LINE.photons - BACKGROUND


def test_the_reporter_has_the_ratio_and_the_level_of_each_cell(labels):
    """n / c is the ratio and (n + c) / 2 the level: 1.5 and 0.5, and 4/3 and 8/3."""
    seen = light(draw_reporter(np.random.default_rng(0), labels, CELLS, LINE))
    for nucleus, cytoplasm, expected in (
        (np.s_[30:40, 25:35], np.s_[30:40, 44:46], (1.5, 0.5)),
        (np.s_[30:40, 105:115], np.s_[30:40, 94:96], (4 / 3, 8 / 3)),
    ):
        found = seen[nucleus].mean(), seen[cytoplasm].mean()
        assert found == pytest.approx(expected, rel=0.1)


def test_the_cytoplasm_ends(labels):
    """Radius sqrt(400 / pi) = 11.3 px; nothing is left at 1.4 of it, 15.8 px from the nucleus."""
    seen = light(draw_reporter(np.random.default_rng(0), labels, CELLS, LINE))
    assert abs(seen[:, 65:75].mean()) < 0.01
    assert seen[30:40, 47].mean() > 0.3  # 8 px away it is whole


def test_edu_is_in_positive_nuclei_only(labels):
    seen = light(draw_edu(np.random.default_rng(0), labels, CELLS, LINE))
    assert seen[30:40, 25:35].mean() == pytest.approx(NEGATIVE, abs=0.01)
    assert seen[30:40, 105:115].mean() == pytest.approx(2, rel=0.1)
    assert abs(seen[30:40, 44:46].mean()) < 0.01


def test_an_empty_field_is_dark():
    none = Cells(np.empty(0), np.empty(0), np.empty(0, bool))
    for draw in (draw_reporter, draw_edu):
        image = draw(np.random.default_rng(0), np.zeros((64, 80), np.int32), none, LINE)
        assert image.shape == (64, 80)
        assert light(image).mean() == pytest.approx(0, abs=0.01)
