import numpy as np
import pytest
import tensorflow as tf
from reference.naive_boxes import naive_anchors

from nucseg_tf.families.mask_rcnn import anchors
from nucseg_tf.families.mask_rcnn.boxes import areas


def anchors_of(*settings) -> np.ndarray:
    return np.asarray(anchors.anchors_of(*settings))


def test_anchors_of_a_tiny_image_by_hand():
    # 4 rows and 6 columns of pixels: 2 x 3 cells of stride 2, then 1 x 1 of stride 4.
    expected = [
        *([0, 0, 2, 2], [0, 2, 2, 4], [0, 4, 2, 6]),  # middles (1, 1), (1, 3), (1, 5)
        *([2, 0, 4, 2], [2, 2, 4, 4], [2, 4, 4, 6]),
        [-1, -1, 5, 5],  # middle (2, 2), 6 px a side: beyond the image
    ]
    found = anchors_of(4, 6, (2, 4), (2.0, 6.0), (1.0,))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)


def test_ratios_are_of_width_to_height_and_follow_each_other_in_a_cell():
    # Area 64: ratio 4 is 4 px high and 16 wide, ratio 1/4 the other way round.
    expected = [
        *([0, 0, 8, 8], [2, -4, 6, 12], [-4, 2, 12, 6]),  # middle (4, 4)
        *([0, 8, 8, 16], [2, 4, 6, 20], [-4, 10, 12, 14]),  # middle (4, 12)
    ]
    np.testing.assert_allclose(anchors_of(8, 16, (8,), (8.0,), (1.0, 4.0, 0.25)), expected)


@pytest.mark.parametrize(("height", "width"), [(64, 128), (192, 64)])
def test_anchors_equal_the_naive_ones(height, width):
    settings = (4, 8, 16, 32, 64), (8.0, 16.0, 32.0, 64.0, 128.0), (0.5, 1.0, 2.0)
    found = anchors_of(height, width, *settings)
    cells = sum(height // stride * (width // stride) for stride in settings[0])
    assert found.shape == (3 * cells, 4)
    np.testing.assert_allclose(found, naive_anchors(height, width, *settings), atol=1e-4)


def test_area_is_of_the_size_whatever_the_ratio():
    found = anchors_of(8, 8, (8,), (12.0,), (0.3, 1.0, 3.0))
    np.testing.assert_allclose(areas(found), 144, rtol=1e-5)


def test_an_image_whose_size_is_open_has_the_same():
    settings = (4, 8), (8.0, 16.0), (0.5, 1.0, 2.0)
    signature = [tf.TensorSpec((None, None))]
    compiled = tf.function(
        lambda image: anchors.anchors_of(*tf.unstack(tf.shape(image)), *settings),
        input_signature=signature,
    )
    for size in ((8, 16), (24, 8)):
        np.testing.assert_array_equal(compiled(np.zeros(size)), anchors_of(*size, *settings))


def test_their_number_is_known_while_a_training_is_traced():
    settings = (4, 8), (8.0, 16.0), (0.5, 1.0, 2.0)
    compiled = tf.function(lambda: anchors.anchors_of(8, 16, *settings)).get_concrete_function()
    assert compiled.output_shapes == (3 * (8 + 2), 4)
