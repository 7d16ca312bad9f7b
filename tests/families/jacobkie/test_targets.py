import numpy as np
import pytest
from reference import naive_targets
from reference.drawn import random_labels

from nucseg_tf.data.roi import whole_nuclei
from nucseg_tf.families.jacobkie.targets import relative_positions, targets


@pytest.mark.parametrize("seed", range(6))
def test_positions_equal_their_definition(seed):
    labels = random_labels(seed, numbers=range(1, 17, 2))  # some numbers are left out
    expected = naive_targets.relative_positions(labels)
    np.testing.assert_allclose(relative_positions(labels), expected, atol=1e-6)


def test_positions_of_a_small_rectangle_by_hand():
    labels = np.zeros((5, 6), np.int32)
    labels[1:3, 2:5] = 7
    positions = relative_positions(labels)
    np.testing.assert_allclose(positions[1:3, 2, 0], [0.25, 0.75])
    np.testing.assert_allclose(positions[1, 2:5, 1], [1 / 6, 0.5, 5 / 6], rtol=1e-6)
    # rows + columns runs from 3 to 6, rows - columns from -3 to 0: four lines each
    np.testing.assert_allclose(
        positions[1:3, 2:5, 2], [[0.125, 0.375, 0.625], [0.375, 0.625, 0.875]]
    )
    np.testing.assert_allclose(
        positions[1:3, 2:5, 3], [[0.625, 0.375, 0.125], [0.875, 0.625, 0.375]]
    )


def test_a_pixel_lies_in_the_middle_of_itself_and_the_background_nowhere():
    labels = np.zeros((3, 3), np.int32)
    labels[1, 1] = 1
    positions = relative_positions(labels)
    assert (positions[1, 1] == 0.5).all()
    assert positions.sum() == 2
    assert not relative_positions(np.zeros((4, 4), np.int32)).any()


def test_cut_nuclei_and_those_beside_unknown_ground_are_not_whole():
    labels = np.zeros((12, 12), np.int32)
    labels[0:3, 4:7] = 1  # cut by the edge
    labels[5:8, 5:8] = 2  # whole
    labels[5:8, 8:10] = 3  # whole, though it touches another
    labels[9:11, 1:3] = 4  # beside unknown ground
    labels[9:11, 3:5] = -1
    np.testing.assert_array_equal(whole_nuclei(labels), np.isin(labels, (2, 3)))


def test_targets_of_a_roi_without_nuclei_are_empty():
    maps, whole = targets(np.full((32, 32), -1, np.int32))
    assert maps.shape == (32, 32, 5)
    assert whole.shape == (32, 32, 1)
    assert not maps.any()
    assert not whole.any()
