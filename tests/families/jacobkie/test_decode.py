import cv2
import numpy as np
import pytest

from nucseg_tf.evaluation.scores import score_image
from nucseg_tf.families.jacobkie.config import Positions
from nucseg_tf.families.jacobkie.decode import breaks, combine, decode
from nucseg_tf.families.jacobkie.targets import relative_positions, targets
from nucseg_tf.imaging.components import keep_areas
from nucseg_tf.types import Instances

ALL = Positions(min_area=0, score=0)


def ellipses(*shapes, side=96) -> np.ndarray:
    """Ellipses (row, column, half axes, degrees), numbered; later ones go on top."""
    labels = np.zeros((side, side), np.int32)
    for number, (row, column, axes, turn) in enumerate(shapes, start=1):
        cv2.ellipse(labels, (column, row), axes, turn, 0, 360, number, cv2.FILLED)
    return labels


TOUCHING = {
    "side by side": ((40, 30, (14, 20), 0), (40, 59, (14, 20), 0)),
    "one above the other": ((30, 40, (20, 12), 0), (56, 42, (20, 13), 0)),
    "on a slant": ((34, 34, (18, 12), 45), (52, 52, (18, 12), 45)),
    "side by side on a slant": ((40, 40, (26, 10), 45), (26, 54, (26, 10), 45)),
    "small beside large": ((40, 30, (25, 25), 0), (40, 60, (5, 5), 0)),
    "a clump": ((30, 30, (13, 13), 0), (30, 56, (13, 13), 0), (53, 43, (13, 13), 0)),
    "none": (),
}


def found(labels: np.ndarray, settings: Positions = ALL) -> Instances:
    return combine([decode(targets(labels)[0], settings)], settings)


@pytest.mark.parametrize("shapes", TOUCHING.values(), ids=TOUCHING)
def test_labels_come_back_exactly_from_their_targets(shapes):
    labels = ellipses(*shapes)
    again = found(labels)
    np.testing.assert_array_equal(again.labels, keep_areas(labels, 0))
    np.testing.assert_allclose(again.scores, 1, atol=1e-5)


def test_drawn_nuclei_come_back_exactly(toy):
    np.testing.assert_array_equal(found(toy[1]).labels, toy[1])


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 2), (2, 1), (3, 9)])
def test_tiny_nuclei_have_no_core_and_come_back_all_the_same(shape):
    labels = np.zeros((12, 12), np.int32)
    labels[2 : 2 + shape[0], 2 : 2 + shape[1]] = 1
    np.testing.assert_array_equal(found(labels).labels, labels)


@pytest.mark.parametrize("size", [(3, 4), (2, 20), (4, 4)])
def test_a_nucleus_without_core_beside_one_with_a_core_comes_back(size):
    labels = ellipses((40, 40, (12, 12), 0))
    labels[40 : 40 + size[0], 53 : 53 + size[1]] = 2
    assert labels[40, 52] == 1  # they touch
    np.testing.assert_array_equal(found(labels).labels, keep_areas(labels, 0))


@pytest.mark.parametrize("shapes", [TOUCHING["a clump"], TOUCHING["on a slant"]])
def test_blurred_and_noisy_maps_are_taken_apart_right(shapes):
    labels = ellipses(*shapes)
    maps = cv2.GaussianBlur(targets(labels)[0], (0, 0), 1)
    maps = maps + np.random.default_rng(0).normal(0, 0.01, maps.shape).astype(np.float32)
    again = combine([decode(maps, ALL)], Positions())
    score = score_image(labels, again.labels)
    assert score.counts["0.85"].ap == 1
    assert again.scores.min() > 0.5


def test_a_merged_pair_scores_less_than_its_parts():
    labels = ellipses(*TOUCHING["side by side"])
    maps = targets(labels)[0]
    apart = decode(maps, ALL).scores
    careless = ALL.model_copy(update={"step": 1.0})
    assert decode(maps, careless).scores.max() < apart.min() - 0.2


def test_breaks_are_zero_inside_a_nucleus_and_large_between_two():
    labels = ellipses(*TOUCHING["one above the other"])
    below, right = breaks(relative_positions(labels))
    same_below, same_right = labels[1:] == labels[:-1], labels[:, 1:] == labels[:, :-1]
    assert below[same_below & (labels[1:] > 0)].max() < 1e-6
    assert right[same_right & (labels[:, 1:] > 0)].max() < 1e-6
    assert below[~same_below & (labels[1:] > 0) & (labels[:-1] > 0)].min() > 0.3


def test_the_better_view_of_each_nucleus_is_taken():
    left, right = ellipses((40, 20, (10, 10), 0)), ellipses((40, 60, (10, 10), 0))
    both = left + 2 * right
    merged = (both > 0).astype(np.int32)
    merged[38:43, 30:51] = 1
    sure, unsure = np.float32([0.9, 0.8]), np.float32([0.5])
    chosen = combine([Instances(merged, unsure), Instances(both, sure)], ALL)
    np.testing.assert_array_equal(chosen.labels, keep_areas(both, 0))
    np.testing.assert_array_equal(np.sort(chosen.scores), np.sort(sure))
    one = Instances(left, np.float32([0.9]))
    chosen = combine([Instances(both, np.float32([0.4, 0.7])), one], ALL)
    np.testing.assert_array_equal(np.sort(chosen.scores), np.float32([0.7, 0.9]))


def test_of_even_scores_the_finer_view_is_taken():
    coarse, fine = ellipses((40, 20, (10, 10), 0)), ellipses((40, 20, (11, 11), 0))
    views = [Instances(coarse, np.float32([0.92])), Instances(fine, np.float32([0.88]))]
    np.testing.assert_array_equal(combine(views, ALL).labels, fine)
    views[1] = Instances(fine, np.float32([0.7]))
    np.testing.assert_array_equal(combine(views, ALL).labels, coarse)


def test_a_nucleus_that_others_leave_little_of_is_dropped():
    large = np.zeros((10, 20), np.int32)
    large[:, :12] = 1
    small = np.zeros_like(large)
    small[:, 8:16] = 1  # half of it is left
    views = [Instances(large, np.float32([0.9])), Instances(small, np.float32([0.8]))]
    assert combine(views, ALL).labels.max() == 2
    assert combine(views, ALL.model_copy(update={"same": 0.4})).labels.max() == 1


def test_limits_of_score_and_area():
    labels = np.zeros((20, 20), np.int32)
    labels[2:4, 2:4], labels[8:14, 8:14] = 1, 2
    view = Instances(labels, np.float32([0.9, 0.4]))

    def areas(**limits):
        return np.bincount(combine([view], ALL.model_copy(update=limits)).labels.ravel())[1:]

    assert areas().tolist() == [4, 36]
    assert areas(min_area=5).tolist() == [36]
    assert areas(max_area=5).tolist() == [4]
    assert areas(score=0.5).tolist() == [4]


def test_maps_of_nothing_hold_no_nucleus():
    instances = combine([decode(np.zeros((8, 9, 5), np.float32), ALL)], ALL)
    assert instances.labels.shape == (8, 9)
    assert len(instances.scores) == 0
