import cv2
import numpy as np
import pytest

from nucseg_tf.imaging import scratch as store
from nucseg_tf.imaging.scratch import is_mapped
from nucseg_tf.io import projection


@pytest.fixture(params=[False, True], ids=["memory", "file"])
def large(request, monkeypatch):
    if request.param:
        monkeypatch.setattr(store, "SMALL", 1000)
        monkeypatch.setattr(projection, "STRIP", 500)
    return request.param


@pytest.fixture
def stack():
    return np.random.default_rng(0).integers(0, 60000, (5, 33, 41)).astype(np.uint16)


def test_brightest(stack, large):
    found = projection.brightest(plane for plane in stack)
    assert found.dtype == np.uint16
    assert is_mapped(found) == large
    np.testing.assert_array_equal(found, stack.max(0))


def test_planes_stay_as_they_are(stack, large):
    before = stack.copy()
    projection.brightest(stack)
    projection.mean(stack)
    np.testing.assert_array_equal(stack, before)


def test_mean_does_not_overflow(stack, large):
    found = projection.mean(plane for plane in stack)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, stack.mean(0), rtol=1e-6)


def test_the_sharpest_plane_is_the_one_in_focus(large):
    sharp = np.random.default_rng(1).normal(100, 20, (64, 64)).astype(np.float32)
    stack = [cv2.GaussianBlur(sharp, (0, 0), sigma) for sigma in (3, 1, 0.3, 2)]
    assert projection.sharpest(stack) == 2
    assert projection.sharpest([np.zeros((4, 5))] * 3) == 0


def test_nothing_to_join():
    with pytest.raises(ValueError, match="no planes"):
        projection.brightest([])
