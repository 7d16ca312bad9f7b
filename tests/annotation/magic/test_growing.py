"""An outline by the light alone."""

from __future__ import annotations

import numpy as np
import pytest
from reference.bright import disk
from scipy.ndimage import gaussian_filter

from nucseg_tf.annotation.magic.choose import overlap
from nucseg_tf.annotation.magic.growing import REACH, grow

SHAPE = (90, 100)


def drawn(*masks: np.ndarray, noise: float = 2) -> np.ndarray:
    light = sum(60 * mask.astype(float) for mask in masks) + 20
    noisy = gaussian_filter(light, 1) + np.random.default_rng(0).normal(0, noise, SHAPE)
    return noisy.astype(np.float32)


@pytest.mark.parametrize("place", [(40, 50), (34, 55), (46, 44)])
@pytest.mark.parametrize("radius", [6, 12, 16])
def test_a_disk_is_found_wherever_it_is_clicked(place, radius):
    nucleus = disk(SHAPE, 40, 50, max(radius, 10))
    found = grow(drawn(nucleus), place, np.zeros(SHAPE, bool), 22)
    assert overlap(found, nucleus) > 0.85


def test_a_nucleus_at_the_edge():
    nucleus = disk(SHAPE, 2, 97, 12)
    assert overlap(grow(drawn(nucleus), (3, 96), np.zeros(SHAPE, bool), 22), nucleus) > 0.85


def test_pixels_of_a_neighbour_stay_its_own():
    nucleus, neighbour = disk(SHAPE, 40, 40, 11), disk(SHAPE, 40, 60, 11)
    neighbour &= ~nucleus
    found = grow(drawn(nucleus | neighbour), (40, 40), neighbour, 22)
    assert not (found & neighbour).any()
    assert overlap(found, nucleus) > 0.8


def test_nothing_is_grown_behind_a_neighbour():
    bright, strip = disk(SHAPE, 40, 50, 16), np.zeros(SHAPE, bool)
    strip[:, 54:57] = True
    found = grow(drawn(bright), (40, 44), strip, 30)
    assert found[:, :54].sum() > 0.8 * bright[:, :54].sum()
    assert not found[:, 54:].any()


def test_nothing_is_grown_further_than_the_limit():
    bright = np.zeros(SHAPE, bool)
    bright[:, 20:80] = True
    found = grow(drawn(bright), (45, 50), np.zeros(SHAPE, bool), 20)
    assert np.ptp(np.nonzero(found)[0]) <= 2 * REACH * 20


def test_where_there_is_no_light_there_is_no_nucleus():
    nothing = np.zeros(SHAPE, bool)
    assert grow(drawn(disk(SHAPE, 40, 50, 12)), (80, 10), nothing, 22) is None
    assert grow(np.full(SHAPE, 7, np.float32), (40, 50), nothing, 22) is None
