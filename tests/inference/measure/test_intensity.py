from __future__ import annotations

import numpy as np
import pytest
from reference.blobs import blobs

from nucseg_tf.inference.measure.intensity import Pixels, of_nuclei, of_rings
from nucseg_tf.inference.measure.label_runs import group_runs


def pixels_of(labels: np.ndarray) -> Pixels:
    return Pixels.of(group_runs(labels), labels.shape[1])


@pytest.mark.parametrize(
    "kind", ["?", "u1", "i1", "u2", "i2", ">u2", ">f4", "i4", "u8", "f2", "f4", "f8"]
)
def test_equals_numpy_on_each_nucleus(kind):
    labels = blobs(0, 2, (50, 70))
    drawn = np.random.default_rng(1).integers(0, 2 if kind == "?" else 120, labels.shape)
    image = drawn.astype(kind)
    found = of_nuclei(image, pixels_of(labels))
    for index, label in enumerate(range(1, labels.max() + 1)):
        values = image[labels == label].astype(float)
        for name in ("mean", "sum", "std", "min", "max"):
            assert found[name][index] == pytest.approx(getattr(values, name)()), name
        assert found["median"][index] == np.median(values)
    assert all(values.dtype == np.float64 for values in found.values())


def test_large_values_do_not_cancel():
    labels = np.ones((4, 5), np.int32)
    image = np.full(labels.shape, 60001, np.uint16)
    found = of_nuclei(image, pixels_of(labels))
    assert (found["std"], found["median"]) == (0, 60001)


def test_the_image_stays_as_it_is():
    image = np.random.default_rng(0).random((6, 7))
    before = image.copy()
    of_nuclei(image, pixels_of(np.ones((6, 7), np.int32)))
    np.testing.assert_array_equal(image, before)


def test_rings():
    rings = np.array([[2, 2, 2, 0], [9, 2, 0, 4]])
    image = np.array([[1.0, 2, 9, 50], [7, 4, 60, 8]])
    found = of_rings(image, pixels_of(rings), np.array([1, 2, 4]))
    np.testing.assert_array_equal(found["background"], [np.nan, 3, 8])
    np.testing.assert_array_equal(found["ring_mean"], [np.nan, 4, 8])


def test_no_nucleus():
    image = np.zeros((3, 4), np.uint8)
    nothing = pixels_of(np.zeros((3, 4), np.int32))
    assert {len(values) for values in of_nuclei(image, nothing).values()} == {0}
    found = of_rings(image, nothing, np.array([3]))
    assert all(np.isnan(values).tolist() == [True] for values in found.values())
