"""Background, typical diameter and thresholds of drawn fields."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from nucseg_tf.annotation.prelabel import foreground


def discs(shape: tuple[int, int], *circles: tuple[int, int, int]) -> np.ndarray:
    """Mask of discs (row, column, radius); bool."""
    rows, columns = np.indices(shape)
    return np.any([(rows - y) ** 2 + (columns - x) ** 2 <= r * r for y, x, r in circles], axis=0)


def test_weighted_median():
    # Weights add up to 10; the fifth unit of weight belongs to the value 3.
    assert foreground.weighted_median(np.array([1, 3, 8]), np.array([2, 4, 4])) == 3


def test_typical_diameter_is_that_of_the_discs_and_not_of_specks():
    mask = discs((120, 160), (30, 30, 12), (30, 90, 12), (85, 60, 12))
    mask |= discs((120, 160), *((110, x, 2) for x in range(10, 150, 12)))
    assert foreground.typical_diameter(mask) == pytest.approx(25, abs=1.5)
    assert foreground.typical_diameter(np.zeros((9, 9), bool)) == foreground.UNKNOWN_DIAMETER


def test_background_is_the_light_between_nuclei():
    nuclei = discs((160, 200), (40, 50, 12), (100, 120, 12), (120, 60, 12))
    light = np.add.outer(np.linspace(0, 0.2, 160), np.linspace(0.1, 0.3, 200)).astype(np.float32)
    found = foreground.background(light + nuclei, nuclei, reach=20)
    inner = np.s_[25:-25, 25:-25]  # the edge of the image mirrors the slope
    np.testing.assert_allclose(found[inner], light[inner], atol=0.02)


def test_background_of_a_field_without_any_is_its_darkest_value():
    grey = np.linspace(0.5, 1, 35, dtype=np.float32).reshape(5, 7)
    np.testing.assert_array_equal(foreground.background(grey, np.ones((5, 7), bool), 10), 0.5)


def test_a_coarse_blur_is_as_good_as_a_fine_one(monkeypatch):
    grey = np.random.default_rng(0).random((150, 210), np.float32)
    mask = cv2.GaussianBlur(grey, (0, 0), 5) > 0.5
    coarse, _ = foreground._mean_over(grey, mask, 24)  # every fourth pixel
    monkeypatch.setattr(foreground, "COARSE", 1e9)
    fine, _ = foreground._mean_over(grey, mask, 24)
    np.testing.assert_allclose(coarse, fine, atol=0.01)


def test_a_threshold_in_the_noise_is_lifted_above_it():
    noise = np.random.default_rng(0).normal(0.5, 0.1, (300, 300)).astype(np.float32)
    assert foreground.above_noise(noise, 0.5) == pytest.approx(0.5 + 6 * 0.1, abs=0.01)
    noise[:60, :60] += 2  # a nucleus: now Otsu's threshold is right
    assert foreground.above_noise(noise, 1.4) == 1.4


def test_prepared_field_is_flat_and_finite():
    nuclei = discs((90, 130), (30, 40, 10), (60, 90, 10))
    image = (300 + 2 * np.arange(130) + 900 * nuclei).astype(np.uint16)
    prepared = foreground.prepare(image, "otsu")
    assert prepared.signal.dtype == prepared.threshold.dtype == np.float32
    assert np.unique(prepared.threshold).size == 1
    dark = prepared.signal[:, 30:100][
        ~cv2.dilate(nuclei.astype(np.uint8), np.ones((7, 7)))[:, 30:100].astype(bool)
    ]
    assert abs(dark).max() < 0.1 * prepared.signal.max()
    assert prepared.diameter == pytest.approx(21, abs=2)
