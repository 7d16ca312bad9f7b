from __future__ import annotations

import numpy as np
import pytest

from nucseg_tf.imaging import scratch
from nucseg_tf.imaging.normalise import find_limits, percentiles, stretch


@pytest.mark.parametrize("counted", [40, 2**22])  # in parts, and all at once
@pytest.mark.parametrize(("kind", "top"), [("u1", 3), ("u1", 256), ("u2", 9), ("u2", 65536)])
def test_percentiles_are_to_the_last_bit_those_of_numpy(kind, top, counted, monkeypatch):
    monkeypatch.setattr(scratch, "STRIP", counted)
    rng = np.random.default_rng(0)
    for _ in range(20):
        pixels = rng.integers(0, top, rng.integers(1, 30, 2)).astype(kind)
        shares = (0, 1.0, 99 * rng.random(), 99.8, 100)
        found = percentiles(pixels, shares)
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, np.percentile(pixels, shares))


@pytest.mark.parametrize("kind", ["i2", "i4", "u4", "f4", "f8"])
def test_percentiles_of_other_types(kind):
    pixels = (np.random.default_rng(0).normal(size=(9, 11)) * 100 + 500).astype(kind)
    np.testing.assert_array_equal(percentiles(pixels, (1, 90)), np.percentile(pixels, (1, 90)))


def test_limits():
    pixels = np.full((10, 10), 7, np.uint8)
    assert find_limits(pixels) is None
    pixels[0, 0] = 200
    assert find_limits(pixels, 1, 90) == (7, 200)  # both percentiles are 7


def test_stretch_leaves_the_pixels_as_they_are():
    pixels = np.array([[0.0, 10, 20, 90]], np.float32)
    assert stretch(pixels, (10.0, 20.0)).tolist() == [[-0.5, 0, 1, 2]]
    assert pixels.tolist() == [[0, 10, 20, 90]]
    assert not stretch(pixels, None).any()


def test_big_endian_pixels_that_lie_in_a_file_are_all_counted(tmp_path, monkeypatch):
    monkeypatch.setattr("nucseg_tf.imaging.normalise.SAMPLE", 100)
    pixels = np.memmap(tmp_path / "image", ">u2", "w+", shape=(90, 70))
    pixels[:] = np.random.default_rng(0).integers(0, 60_000, pixels.shape)
    shares = (1.0, 50.0, 99.8)
    np.testing.assert_array_equal(percentiles(pixels, shares), np.percentile(pixels, shares))
