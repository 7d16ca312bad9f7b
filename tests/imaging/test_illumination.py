"""Fields of bright discs on a faint background, lit unevenly; the light is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from nucseg_tf.errors import DataError
from nucseg_tf.imaging import illumination
from nucseg_tf.imaging.illumination import correct, estimate, sample

SHAPE, OFFSET = (180, 240), 200.0
ROWS = np.linspace(-1, 1, SHAPE[0])[:, np.newaxis]
COLUMNS = np.linspace(-1, 1, SHAPE[1])
AWAY = (ROWS - 0.3) ** 2 + (COLUMNS + 0.1) ** 2
LIGHTS = {
    "paraboloid": 1 - 0.15 * AWAY,
    "cosine": np.cos(0.5 * np.sqrt(AWAY)) ** 4,
    "slope": 1 + 0.3 * ROWS + 0.1 * COLUMNS,
    "ellipse": np.exp(-0.4 * ROWS**2 - 0.1 * COLUMNS**2 + 0.2 * ROWS * COLUMNS),
    "even": np.ones(SHAPE),
}


def scene(rng: np.random.Generator, covered: float = 0.2) -> np.ndarray:
    """Light of one field: discs over a share of it, a background that differs by field."""
    light = np.full(SHAPE, rng.uniform(300, 600))
    while (light > 1000).mean() < covered:
        middle = (int(rng.integers(SHAPE[1])), int(rng.integers(SHAPE[0])))
        cv2.circle(light, middle, 12, rng.uniform(3000, 9000), cv2.FILLED)
    return light


def taken(rng: np.random.Generator, light: np.ndarray, lit: np.ndarray) -> np.ndarray:
    """What a camera makes of it, uint16."""
    seen = rng.poisson(light * lit) + OFFSET + rng.normal(0, 5, SHAPE)
    return np.rint(seen).clip(0, 65535).astype(np.uint16)


def fields(lit: np.ndarray, count: int = 40, covered: float = 0.2):
    rng = np.random.default_rng(1)
    for _ in range(count):
        yield taken(rng, scene(rng, covered), lit)


@pytest.mark.parametrize("name", LIGHTS)
def test_the_light_is_found_within_a_few_per_cent(name):
    true = LIGHTS[name] / LIGHTS[name].mean()
    found = estimate(fields(LIGHTS[name]), OFFSET)
    assert found.dtype == np.float32
    assert found.mean() == pytest.approx(1, abs=1e-5)
    error = found / true - 1
    assert np.sqrt(np.mean(error**2)) < 0.025
    assert np.abs(error).max() < 0.1  # in the darkest corner


def test_crowded_fields_do_not_pull_on_it():
    lit = LIGHTS["paraboloid"]
    error = estimate(fields(lit, covered=0.6), OFFSET) / (lit / lit.mean()) - 1
    assert np.sqrt(np.mean(error**2)) < 0.03


def test_ten_fields_are_enough_where_cells_are_outliers():
    """Half of each field is covered; least squares without weights are off by 4.6 %."""
    lit = LIGHTS["ellipse"]
    error = estimate(fields(lit, count=10, covered=0.5), OFFSET) / (lit / lit.mean()) - 1
    assert np.sqrt(np.mean(error**2)) < 0.035


def test_a_corrected_field_is_even():
    lit, rng = LIGHTS["paraboloid"], np.random.default_rng(5)
    light = np.full(SHAPE, 2000.0)
    found = correct(taken(rng, light, lit), estimate(fields(lit), OFFSET), OFFSET)
    assert found.dtype == np.float32
    corners = found[:20, -20:].mean(), found[80:110, 100:130].mean(), found[-20:, :20].mean()
    assert np.ptp(corners) < 0.04 * np.mean(corners)
    assert found.min() > OFFSET


def test_correction_is_division_around_the_offset():
    pixels = np.array([[10, 30], [50, 10]], np.uint16)
    light = np.array([[0.5, 2.0], [1.0, 1.0]], np.float32)
    np.testing.assert_array_equal(correct(pixels, light, 10), [[10, 20], [50, 10]])
    np.testing.assert_array_equal(correct(pixels, light), [[20, 15], [50, 10]])
    assert pixels[0, 1] == 30


def test_an_offset_taken_for_0_corrects_too_little_and_not_too_much():
    lit = LIGHTS["paraboloid"]
    low, true = estimate(fields(lit)), lit / lit.mean()
    assert np.ptp(low) < np.ptp(true)
    assert np.corrcoef(low.ravel(), true.ravel())[0, 1] > 0.95


def test_a_field_is_let_go_of_before_the_next_and_the_hundredth_is_the_last():
    alive, asked = [], 0

    class Watched(np.ndarray):
        def __del__(self):
            if alive:
                alive.pop()

    def source():
        nonlocal asked
        while True:
            assert len(alive) <= 1
            asked += 1
            field = np.full((30, 40), 7, np.uint16).view(Watched)
            alive.append(1)
            yield field
            del field

    np.testing.assert_allclose(estimate(source()), 1, rtol=1e-5)
    assert asked == illumination.MAX_FIELDS


def test_it_stays_positive_in_the_dark():
    lit = np.exp(-3 * AWAY)
    found = estimate(
        (taken(np.random.default_rng(0), np.full(SHAPE, 900.0), lit) for _ in range(10)), OFFSET
    )
    assert found.min() > 0
    assert found.max() / found.min() == pytest.approx(illumination.MAX_FALL, rel=1e-3)


@pytest.mark.parametrize("count", [0, 9])
def test_too_few_fields(count):
    with pytest.raises(DataError, match=f"{count} fields; expected 10 or more"):
        estimate(fields(LIGHTS["even"], count))


def test_what_does_not_fit_together():
    with pytest.raises(DataError, match="differ in size, 4 x 6 and 6 x 4 px"):
        estimate(np.ones(shape) for shape in ((4, 6), (6, 4)))
    with pytest.raises(DataError, match="is of 4 x 6 px, and the field of 6 x 4"):
        correct(np.ones((6, 4)), np.ones((4, 6)))
    with pytest.raises(DataError, match="not above the camera's offset of 300; give a lower one"):
        estimate((np.full((4, 6), 299) for _ in range(10)), 300)


def test_samples_are_spread_evenly():
    assert sample(range(5), 9) == [0, 1, 2, 3, 4]
    assert sample(range(100), 3) == [16, 50, 83]
    assert len(set(sample(range(101)))) == 100
