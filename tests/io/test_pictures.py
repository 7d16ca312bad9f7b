import numpy as np
import pytest

from nucseg_tf.io.pictures import display_grey, outline_pixels


def test_outline_pixels_by_hand():
    labels = np.array([[7, 7, 7, 0], [7, 7, 7, 0], [7, 7, 7, 0], [0, 0, 0, 0]])
    # The sides along the image edge stay open.
    assert outline_pixels(labels).astype(int).tolist() == [
        [0, 0, 1, 0],
        [0, 0, 1, 0],
        [1, 1, 1, 0],
        [0, 0, 0, 0],
    ]


@pytest.mark.parametrize("value", [0, 77])
def test_constant_images_are_black(value):
    assert display_grey(np.full((4, 5), value, np.uint16)).max() == 0


def test_pixels_that_are_not_finite():
    image = np.arange(100, dtype=np.float32).reshape(10, 10)
    image[0, 0], image[0, 1] = np.nan, np.inf
    shown = display_grey(image)
    assert shown[0, 0] == 0
    assert shown[0, 1] == 255
    assert shown[5, 5] == pytest.approx(255 * 0.54, abs=5)
    assert display_grey(np.full((2, 2), np.nan)).max() == 0
