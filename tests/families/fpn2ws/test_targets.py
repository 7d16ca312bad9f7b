import numpy as np
import pytest
from reference import naive_targets
from reference.drawn import random_labels

from nucseg_tf.families.fpn2ws.targets import border_map, distance_map, targets


@pytest.mark.parametrize("seed", range(6))
def test_distance_map_equals_its_definition(seed):
    labels = random_labels(seed)
    np.testing.assert_allclose(distance_map(labels), naive_targets.distance_map(labels), atol=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_border_map_without_blur_equals_its_definition(seed):
    labels = random_labels(seed)
    np.testing.assert_array_equal(border_map(labels, sigma=0), naive_targets.border(labels))


def test_distance_is_one_in_each_nucleus_and_zero_outside():
    labels = random_labels(3)
    distance = distance_map(labels)
    assert distance[labels == 0].max() == 0
    for index in np.unique(labels[labels > 0]):
        assert distance[labels == index].max() == pytest.approx(1)


def test_touching_nuclei_are_apart_in_both_maps():
    labels = np.zeros((20, 20), np.int32)
    labels[5:15, 2:10], labels[5:15, 10:18] = 1, 2
    distance, border = np.moveaxis(targets(labels), -1, 0)
    assert distance[10, 9] < 0.5 > distance[10, 10]
    assert distance[10, 5] > 0.9
    assert border[10, 9] == border[10, 10] == pytest.approx(1)
    assert border[10, 5] < 0.05


def test_border_ridge_is_symmetric_about_a_straight_edge():
    labels = np.zeros((30, 30), np.int32)
    labels[:, 15:] = 1
    profile = border_map(labels)[15]
    np.testing.assert_allclose(profile[:15], profile[:14:-1], atol=1e-6)
    assert profile.argmax() in (14, 15)


def test_distance_is_not_transposed():
    labels = np.zeros((20, 30), np.int32)
    labels[2:5, 4:26] = 1  # wide and flat
    distance = distance_map(labels)
    assert distance.shape == (20, 30)
    assert distance[3, 15] == 1
    assert distance[2, 15] == pytest.approx(0.5)


@pytest.mark.parametrize("value", [0, 1])
def test_images_without_any_edge(value):
    maps = targets(np.full((8, 9), value, np.int32))
    assert maps.shape == (8, 9, 2)
    assert (maps[..., 0] == value).all()
    assert (maps[..., 1] == 0).all()


def test_one_pixel_nucleus():
    labels = np.zeros((7, 7), np.int32)
    labels[3, 3] = 4
    assert distance_map(labels)[3, 3] == 1
    assert distance_map(labels).sum() == 1
