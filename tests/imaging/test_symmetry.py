import numpy as np
import pytest

from nucseg_tf.imaging import symmetry

NUMBERS = range(symmetry.COUNT)


def test_all_symmetries_are_there_and_the_first_changes_nothing():
    image = np.arange(6).reshape(2, 3)
    assert len({symmetry.turn(image, number).tobytes() for number in NUMBERS}) == 8
    np.testing.assert_array_equal(symmetry.turn(image, 0), image)


@pytest.mark.parametrize("number", NUMBERS)
def test_turning_back_undoes_turning(number):
    image = np.arange(24).reshape(2, 3, 4)
    np.testing.assert_array_equal(symmetry.turn_back(symmetry.turn(image, number), number), image)
    turned = symmetry.turn(image, number, (1, 2))
    np.testing.assert_array_equal(turned[0], symmetry.turn(image[0], number))
    np.testing.assert_array_equal(symmetry.turn_back(turned, number, (1, 2)), image)


@pytest.mark.parametrize("number", NUMBERS)
def test_boxes_turn_as_images_do(number):
    image = np.zeros((20, 30), np.float32)
    image[3:7, 11:20] = 1
    rows, columns = np.nonzero(symmetry.turn(image, number))
    expected = [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]
    box = np.array([[3, 11, 7, 20]], np.float32)
    found = symmetry.turn_boxes(box, number, image.shape)
    np.testing.assert_array_equal(found, [expected])
    back = symmetry.turn_boxes_back(found, number, image.shape)
    np.testing.assert_array_equal(back, box)
