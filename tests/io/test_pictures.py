import cv2
import numpy as np
import pytest

from nucseg_tf.errors import LabelError
from nucseg_tf.io.pictures import COLOURS, display_grey, outline_pixels
from nucseg_tf.io.writers.overlay import write_overlay


def test_overlay_colours_outlines_only(tmp_path):
    image = np.linspace(0, 60_000, 100, dtype=np.uint16).reshape(10, 10)
    labels = np.zeros((10, 10), np.int32)
    labels[1:6, 1:5] = 1
    labels[1:6, 5:9] = 2
    write_overlay(tmp_path / "a_overlay.png", image, labels)
    picture = cv2.imread(str(tmp_path / "a_overlay.png"), cv2.IMREAD_UNCHANGED)[..., ::-1]
    assert picture.shape == (10, 10, 3)
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture[1, 1], COLOURS[0])
    np.testing.assert_array_equal(picture[3, 4], COLOURS[0])
    np.testing.assert_array_equal(picture[3, 5], COLOURS[1])
    for row, column in [(0, 0), (3, 3), (9, 9)]:  # background and inside a nucleus
        assert len(set(picture[row, column])) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a_overlay.png"]


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


def test_shapes_must_agree(tmp_path):
    with pytest.raises(LabelError, match=r"a\.png.*\(4, 4\) and \(4, 5\)"):
        write_overlay(tmp_path / "a.png", np.zeros((4, 4)), np.zeros((4, 5), int))
