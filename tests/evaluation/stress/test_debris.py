from __future__ import annotations

import numpy as np
import pytest

from nucseg_tf.evaluation.stress import debris

DRAW = [debris.specks, debris.fibres, debris.dust, debris.haze]


def test_an_empty_field_has_the_background_alone(scene):
    found = debris.empty(scene, np.random.default_rng(0))
    assert not found.labels.any()
    assert not found.ignored.any()
    values = found.pixels / 16
    assert values.mean() == pytest.approx(20, abs=1.5)
    assert values.std() == pytest.approx(3, rel=0.4)
    was = scene.labels > 0
    assert values[was].mean() == pytest.approx(values[~was].mean(), abs=0.5)


def test_a_rising_background_goes_on_rising(scene):
    rising = np.linspace(0, 60, scene.labels.shape[1])
    sloped = scene.redraw(scene.pixels + rising)
    found = debris.background(sloped, np.random.default_rng(0)).mean(axis=0) / 16
    assert found[-10:].mean() - found[:10].mean() == pytest.approx(45, abs=10)


def test_a_field_full_of_nuclei_has_a_background_too(scene):
    full = scene.redraw(scene.pixels.astype(float), np.ones_like(scene.labels))
    assert np.isfinite(debris.background(full, np.random.default_rng(0))).all()


@pytest.mark.parametrize("draw", DRAW)
def test_debris_is_there_and_is_light(draw):
    for seed in range(5):
        light = draw(np.random.default_rng(seed), (120, 160), 20.0)
        assert light.shape == (120, 160)
        assert light.min() >= 0
        assert 0.1 < light.max() < 6


@pytest.mark.parametrize("draw", DRAW)
def test_littered_fields_are_brighter_and_have_no_nuclei(scene, draw):
    found = debris.litter(scene, np.random.default_rng(1), draw)
    bare = debris.empty(scene, np.random.default_rng(1))
    assert not found.labels.any()
    assert found.pixels.mean() > bare.pixels.mean()
