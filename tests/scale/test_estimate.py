from __future__ import annotations

import cv2
import numpy as np
import pytest

from nucseg_tf.imaging.normalise import normalise
from nucseg_tf.imaging.raster import Plain
from nucseg_tf.scale.estimate import estimate
from nucseg_tf.scale.finder import load_finder
from nucseg_tf.scale.readings import BIAS, MOST, Readings, cut_windows
from nucseg_tf.scale.window import STRIDE, WINDOW


def field(diameter: float, side: int = 512, seed: int = 0) -> np.ndarray:
    """Bright, slightly blurred discs of about one diameter on a noisy ground, (side, side)."""
    generator = np.random.default_rng(seed)
    image = np.zeros((side, side), np.float32)
    step = int(1.7 * diameter) + 2
    for y in range(step // 2, side, step):
        for x in range(step // 2, side, step):
            at = (int(x + generator.uniform(-2, 2)), int(y + generator.uniform(-2, 2)))
            radius = max(1, round(diameter / 2 * generator.uniform(0.9, 1.1)))
            cv2.circle(image, at, radius, float(generator.uniform(0.6, 1)), -1)
    image = cv2.GaussianBlur(image, (0, 0), max(0.6, diameter / 30))
    return 100 + 1000 * image + generator.normal(0, 20, image.shape).astype(np.float32)


def readings(diameters, shares=1.0, side=16.0) -> Readings:
    """Readings in a row, of given diameters (px) and shares of nuclei, all of the same doubt."""
    sizes = np.log2(np.array(diameters, float))
    even = np.ones(len(sizes))
    return Readings(8 * even, side * np.arange(len(sizes)), side * even, shares * even, sizes, even)


def test_the_weighted_median_and_its_spread():
    squares = np.square([10.0, 20.0, 40.0])  # so that each stands for as many nuclei
    found = readings([10, 20, 40], squares)
    assert found.median() == pytest.approx(20 / BIAS)
    assert found.median(np.array([True, False, False])) == pytest.approx(10 / BIAS)
    assert found.quantiles([0, 1]) == pytest.approx(np.log2([10, 40]))
    assert readings([10, 40], np.array([100, 9 * 1600])).median() > 25
    assert readings([10, 40]).median() < 14  # of the small ones there are more


def test_without_nuclei_there_is_no_diameter():
    assert readings([]).median() is None
    assert readings([10]).median(np.array([False])) is None

    def nothing(windows):
        return np.full((len(windows), WINDOW // STRIDE, WINDOW // STRIDE, 3), -9.0)

    assert estimate(nothing, Plain(np.zeros((300, 400), np.float32))) is None


@pytest.mark.parametrize("shape", [(1, 1), (40, 700), (256, 256), (257, 256), (1000, 900)])
def test_windows_of_images_of_any_size(shape):
    windows = list(cut_windows(Plain(np.zeros(shape, np.float32))))
    assert 1 <= len(windows) <= MOST
    assert all(window.shape == (WINDOW, WINDOW) for _, _, window in windows)


def test_windows_are_spread_over_the_image():
    image = np.zeros((1024, 1024), np.float32)
    image[:, :] = np.arange(1024)
    windows = list(cut_windows(Plain(image)))
    assert len({column for _, column, _ in windows}) > 1
    assert all(window[0, 0] == column for _, column, window in windows)


def test_a_network_that_tells_the_truth_is_believed_at_the_zooms_where_it_can():
    def honest(windows):
        """Nuclei everywhere, of 20 px at any zoom but those where it says the end of its range."""
        found = np.zeros((len(windows), 16, 16, 3), np.float32)
        found[..., 0], found[..., 1], found[..., 2] = 9, np.log2(20), -2
        return found

    # 20 px at zooms 2, 1, 1/2, 1/4: 10, 20, 40, 80 px; each counts by how many nuclei it means
    assert 9 < estimate(honest, Plain(np.zeros((512, 512), np.float32))).median < 20


@pytest.mark.parametrize("diameter", [10, 16, 30, 60, 110])
def test_the_shipped_network_reads_drawn_fields(diameter):
    found = load_finder()(Plain(normalise(field(diameter))))
    assert found.median == pytest.approx(diameter, rel=0.3)


def test_it_sees_no_nuclei_in_noise():
    noise = np.random.default_rng(0).normal(100, 5, (400, 500)).astype(np.float32)
    assert load_finder()(Plain(np.zeros((300, 300), np.float32))) is None
    found = load_finder()(Plain(normalise(noise)))
    assert found is None or found.doubt >= 1
