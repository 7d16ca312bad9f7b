"""What speaks for a nucleus: by hand, at other scales and gains, and where little is known."""

from __future__ import annotations

import numpy as np
import pytest
from reference.drawn import draw

from nucseg_tf.inference.evidence import brightness, gather
from nucseg_tf.inference.measure import measure
from nucseg_tf.models.confidence import EVIDENCE


def evidence(labels, image, scores) -> dict[str, np.ndarray]:
    table = measure(labels, image, np.asarray(scores))
    return gather(table, labels, image)


def discs(scale: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Three discs, the last one dim and its upper half without an edge."""
    rows, columns = np.indices((60, 150))
    labels, image = np.zeros((60, 150), np.int32), np.full((60, 150), 100.0)
    for number, (x, radius, light) in enumerate(((25, 12, 400), (70, 17, 400), (120, 12, 100)), 1):
        inside = (rows - 30) ** 2 + (columns - x) ** 2 <= radius**2
        labels[inside] = number
        image[inside] += light
    image[18:30, 107:134] = 200
    big = np.ones((scale, scale), np.int32)
    return np.kron(labels, big), np.kron(image, big)


def test_by_hand():
    labels = draw("""
        ......
        .11.2.
        .11.2.
        ......
    """)
    image = np.where(labels == 1, 50.0, np.where(labels == 2, 30.0, 10.0))
    image[3] = 50.0  # as bright as nucleus 1: below it the image does not fall
    found = evidence(labels, image, [0.9, 0.5])
    assert tuple(found) == EVIDENCE
    # 18 pixels lie outside, 6 of them with 50: their mean is (12 * 10 + 6 * 50) / 18 = 23.3.
    table = measure(labels, image)
    np.testing.assert_allclose(brightness(table, image), [50 - 70 / 3, 30 - 70 / 3])
    np.testing.assert_allclose(found["score"], [np.log(0.92 / 0.12), 0])
    np.testing.assert_allclose(found["size"], [np.log(4 / 3), np.log(3 / 2)])  # median area: 3
    np.testing.assert_allclose(found["solidity"], [1, 1])
    # Of 8 edges of nucleus 1 two lead down; of 6 of nucleus 2 one does.
    np.testing.assert_allclose(found["weak_outline"], [2 / 8, 1 / 6])
    middle = (80 / 3 + 20 / 3) / 2
    np.testing.assert_allclose(found["dimness"], [0, np.log(middle / (20 / 3))])
    # A square is round; of two pixels in a column, the minor axis is that of one pixel's row: 0.
    np.testing.assert_allclose(found["roundness"][0], 1)
    assert found["roundness"][1] < 0.6


def test_doubtful_nuclei_stand_out():
    found = evidence(*discs(), [0.9, 0.9, 0.9])
    assert found["size"].argmax() == 1
    assert found["weak_outline"][:2].tolist() == [0, 0]
    assert found["weak_outline"][2] > 0.3
    assert found["dimness"].argmax() == 2


@pytest.mark.parametrize("gain", [(1.0, 0.0), (3.5, 40.0), (0.01, -2.0)])
@pytest.mark.parametrize("scale", [1, 3])
def test_the_same_at_any_scale_and_gain(scale, gain):
    labels, image = discs(scale)
    found = evidence(labels, image * gain[0] + gain[1], [0.9, 0.5, 0.1])
    for name, values in evidence(*discs(), [0.9, 0.5, 0.1]).items():
        np.testing.assert_allclose(found[name], values, atol=0.03, err_msg=name)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32, np.float32, bool])
def test_any_type_of_image(kind):
    labels, image = discs()
    image = image > 150 if kind is bool else image.astype(kind)
    for name, values in evidence(labels, image, [1, 0, 0.5]).items():
        assert np.isfinite(values).all(), name
        assert values.shape == (3,)


@pytest.mark.parametrize("value", [0, 1, 2000])
def test_nothing_to_see_is_finite(value):
    labels = np.ones((5, 6), np.int32)
    image = np.full((5, 6), value, np.uint16)
    for nuclei in (labels, np.pad(labels, 1)[:5, :6]):
        for name, values in evidence(nuclei, image, [0.5]).items():
            assert np.isfinite(values).all(), name


def test_dark_nuclei_are_finite():
    labels, image = discs()
    for name, values in evidence(labels, 1000 - image, [0.5, 0.5, 0.5]).items():
        assert np.isfinite(values).all(), name
