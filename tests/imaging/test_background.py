import numpy as np
import pytest

from nucseg_tf.imaging.background import has_bright_background


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(200, 260), (1500, 1400)])
def test_negatives_are_told_from_positives(toy, dtype, shape):
    pixels = np.resize(toy[0], shape).astype(float)
    grey = (pixels / pixels.max() * 200 + 20).astype(dtype)
    assert not has_bright_background(grey)
    assert has_bright_background((255 - grey).astype(dtype))


@pytest.mark.parametrize("value", [0, 7, 255])
def test_a_constant_image_has_none(value):
    assert not has_bright_background(np.full((30, 40), value, np.uint8))
    assert not has_bright_background(np.full((1, 1), value, np.uint8))


def test_even_greys_have_none():
    assert not has_bright_background(np.random.default_rng(0).uniform(size=(64, 64)))
