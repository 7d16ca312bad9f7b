from __future__ import annotations

import numpy as np
import pytest

from nucseg_tf.evaluation.stress import light


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def contrast(scene) -> float:
    low, high = scene.levels
    return (high - low) / 16


def test_blur_keeps_the_light_and_takes_the_noise(scene):
    blurred = light.blur(scene, 0.1)
    assert blurred.pixels.mean() / 16 == pytest.approx(scene.pixels.mean(), rel=0.01)
    outside = scene.labels == 0
    assert blurred.pixels[outside].min() / 16 > scene.pixels[outside].min()


def test_noise_has_the_photons_it_says(scene, rng):
    noisy = light.noise(scene, rng)
    middle = noisy.pixels[scene.labels == 1].astype(float)
    photons = (middle - light.OFFSET) / light.GAIN
    # Label 1 is as bright as the median nucleus, within a few grey values of 100.
    assert photons.mean() == pytest.approx(light.PHOTONS + light.STRAY, rel=0.1)
    assert photons.var() == pytest.approx(photons.mean() + light.READ_NOISE**2, rel=0.35)


def test_gamma_moves_the_middle_and_not_the_ends(scene):
    for power, direction in ((0.5, 1), (2.0, -1)):
        changed = light.gamma(scene, power).pixels / 16
        assert (changed.min(), changed.max()) == (scene.pixels.min(), scene.pixels.max())
        assert direction * (np.median(changed) - np.median(scene.pixels)) > 0


def test_shade_and_slope_fall_from_side_to_side(scene, rng):
    shaded = light.shade(scene, rng).pixels / (16 * np.maximum(scene.pixels, 1.0))
    assert shaded.min() == pytest.approx(light.DARKEST, abs=0.01)
    assert shaded.max() == pytest.approx(1, abs=0.01)
    added = light.slope(scene, rng).pixels / 16 - scene.pixels
    assert added.min() == pytest.approx(0, abs=0.1)
    assert added.max() == pytest.approx(np.subtract(*scene.levels[::-1]), abs=0.1)


def test_sixteen_bits_are_the_same_in_other_numbers(scene):
    pixels = light.sixteen_bits(scene).pixels.astype(int)
    assert np.array_equal((pixels - 1000) / 12, scene.pixels)


def test_half_of_the_nuclei_saturates(scene):
    pixels = light.saturate(scene).pixels
    assert np.mean(pixels[scene.labels > 0] == pixels.max()) == pytest.approx(0.5, abs=0.05)


def test_jpeg_comes_near(scene):
    pixels = light.jpeg(scene, 30).pixels
    assert pixels.dtype == np.uint8
    assert np.corrcoef(pixels.ravel(), scene.pixels.ravel())[0, 1] > 0.95
    assert len(np.unique(pixels[:8, :8])) < len(np.unique(scene.pixels[:8, :8]))


def test_glare_adds_light_in_one_place(scene, rng):
    added = light.glare(scene, rng).pixels / 16 - scene.pixels
    assert added.min() == 0
    assert added.max() == pytest.approx(np.subtract(*scene.levels[::-1]), rel=0.1)
    assert 0.08 < np.mean(added > added.max() / 2) < 0.2


def test_an_inverted_patch_is_ignored_with_the_nuclei_that_it_cuts(scene):
    gone = 0
    for seed in range(10):
        changed = light.inverted_patch(scene, np.random.default_rng(seed))
        inverted = changed.pixels != 16 * scene.pixels.astype(int)
        assert changed.ignored[inverted].all()
        assert not changed.labels[changed.ignored].any()
        kept = np.unique(scene.labels[changed.labels > 0])
        for label in kept:
            assert np.all(changed.labels[scene.labels == label] > 0)
        assert changed.labels.max() == len(kept)
        gone += scene.labels.max() - len(kept)
    assert gone > 5


def test_a_dead_cell_outshines_the_others(scene, rng):
    changed = light.dead_cell(scene, rng)
    assert changed.pixels.dtype == np.uint16
    means = [changed.pixels[scene.labels == label].mean() / 16 for label in range(1, 7)]
    brightest = int(np.argmax(means))
    low, high = scene.levels
    assert means[brightest] - low == pytest.approx(21 * (high - low), rel=0.15)
    assert max(np.delete(means, brightest)) < 4 * high
