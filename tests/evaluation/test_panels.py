from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from reference.drawn import draw
from reference.naive_scores import naive_difference

from nucseg_tf.evaluation.panels import choose_images, difference


def test_missed_and_extra_nuclei_are_filled_and_found_ones_show_what_differs():
    truth = draw(
        """
        1111..22..3333
        1111..22..3333
        ..........3333
        """
    )
    prediction = draw(
        """
        55555.....77..
        5555......77.8
        ..............
        """
    )
    # 1 is found (8 of 9 px) with one pixel too many, 2 missed; of 3 the prediction 7 has 4 of 12.
    expected = draw(
        """
        ....2.11..3311
        ......11..3313
        ..........1111
        """
    )
    np.testing.assert_array_equal(difference(truth, prediction), expected)
    swapped = np.array([0, 2, 1, 3])[expected]
    np.testing.assert_array_equal(difference(prediction, truth), swapped)


def test_nothing_differs_where_nothing_is_known():
    truth = draw("11..9999 11..9999 .....999")
    truth[truth == 9] = -1
    prediction = draw("...22222 .3333... ........")
    assert difference(truth, prediction).tolist() == draw("11...... 1322.... ........").tolist()


@pytest.mark.parametrize("seed", range(10))
def test_equals_the_naive_difference(seed):
    rng = np.random.default_rng(seed)
    truth = np.kron(rng.choice([0, 0, 3, 5, 9], (3, 4)), np.ones((4, 3), int))
    noisy = rng.random(truth.shape) < 0.15
    prediction = np.where(noisy, rng.integers(0, 3, truth.shape), truth)
    np.testing.assert_array_equal(
        difference(truth, prediction), naive_difference(truth, prediction, 0.7)
    )


def test_empty_images():
    empty, one = np.zeros((2, 3), int), draw("1..\n...")
    assert difference(empty, empty).tolist() == empty.tolist()
    assert difference(one, empty).tolist() == one.tolist()
    assert difference(empty, one).tolist() == (2 * one).tolist()


def test_the_worst_image_and_the_median_of_each_group_are_shown():
    f1 = {"A": [1.0, 0.2, 0.6], "B": [0.4, 0.5, 0.3, 0.9]}
    rows = [
        {"group": group, "image": f"{group}{n}", "n_truth": 5, "n_pred": 5, "tp_0.70": 5 * value}
        for group, values in f1.items()
        for n, value in enumerate(values)
    ]
    chosen = choose_images(pd.DataFrame(rows))
    assert chosen == {"A1": "the worst image", "A2": "median of A", "B0": "median of B"}
