"""Labels lie on their pixels, whatever the transform of the image."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image, Labels

from nucseg_tf.integrations.napari.places import ALL, MADE_ONE, place

TURN = np.array([[0.8, -0.6], [0.6, 0.8]])


def image(*shape: int) -> Image:
    """A layer that is scaled, sheared, turned and moved in its last two axes."""
    count = len(shape)
    rotate, affine = np.eye(count), np.eye(count + 1)
    rotate[-2:, -2:], affine[-3:-1, -3:-1] = TURN, TURN.T * 1.5
    affine[:-1, -1] = 7
    scale, moved = np.arange(1.0, count + 1), np.arange(count) * 10.0
    layer = Image(np.zeros(shape), scale=scale, rotate=rotate, translate=moved, affine=affine)
    layer.axis_labels = tuple("tczyx"[-count:])
    return layer


def placed(labels, layer, axes, taken) -> Labels:
    data, arguments = place(labels, layer, axes, taken)
    return Labels(data, **arguments)


def test_a_plane_lies_where_its_image_does():
    layer = image(6, 8)
    labels = placed(np.ones((6, 8), np.int32), layer, "YX", {})
    np.testing.assert_allclose(labels.data_to_world((2, 3)), layer.data_to_world((2, 3)))
    np.testing.assert_allclose(labels.scale, layer.scale)
    assert labels.axis_labels == layer.axis_labels


def test_all_planes():
    layer = image(4, 6, 8)
    labels = placed(np.ones((4, 6, 8), np.int32), layer, "ZYX", {"Z": ALL})
    np.testing.assert_allclose(labels.data_to_world((3, 2, 3)), layer.data_to_world((3, 2, 3)))


def test_one_plane_stays_at_its_place():
    layer = image(4, 6, 8)
    labels = placed(np.ones((6, 8), np.int32), layer, "ZYX", {"Z": 2})
    assert labels.data.shape == (1, 6, 8)
    np.testing.assert_allclose(labels.data_to_world((0, 2, 3)), layer.data_to_world((2, 2, 3)))


def test_what_was_made_one_is_shown_at_all_planes():
    layer = image(4, 6, 8)
    labels = placed(np.ones((6, 8), np.int32), layer, "ZYX", {"Z": MADE_ONE})
    assert labels.data.shape == (6, 8)
    np.testing.assert_allclose(labels.data_to_world((2, 3)), layer.data_to_world((0, 2, 3))[1:])


@pytest.mark.parametrize("plane", range(5))
def test_between_others_it_is_stretched(plane):
    layer = image(3, 5, 6, 8)
    labels = placed(np.ones((3, 6, 8), np.int32), layer, "TZYX", {"T": ALL, "Z": MADE_ONE})
    assert labels.data.shape == (3, 1, 6, 8)
    there = labels.world_to_data(layer.data_to_world((1, plane, 2, 3)))
    np.testing.assert_array_equal(np.round(there), [1, 0, 2, 3])


def test_axes_that_are_turned_into_each_other_stay():
    layer = Image(np.zeros((4, 6, 8)), rotate=(20, 30, 40))
    labels = placed(np.ones((6, 8), np.int32), layer, "ZYX", {"Z": MADE_ONE})
    assert labels.data.shape == (1, 6, 8)
    there = labels.world_to_data(layer.data_to_world((3, 2, 3)))
    np.testing.assert_array_equal(np.round(there), [0, 2, 3])


def test_axes_in_another_order_than_t_and_z():
    layer = image(5, 3, 6, 8)
    found = np.arange(15)[:, None, None].repeat(6, 1).repeat(8, 2).reshape(3, 5, 6, 8)
    data, _ = place(found, layer, "ZTYX", {"T": ALL, "Z": ALL})
    np.testing.assert_array_equal(data[4, 1], found[1, 4])
