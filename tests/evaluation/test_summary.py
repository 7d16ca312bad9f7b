from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from reference.drawn import PREDICTION, TRUTH, draw
from reference.naive_scores import naive_boundary_distance, naive_f1, naive_pq

from nucseg_tf.evaluation.scores import THRESHOLDS
from nucseg_tf.evaluation.statistics import FEWEST_IMAGES, t_interval
from nucseg_tf.evaluation.summary import (
    OVERALL,
    f1,
    one_pixel_iou,
    ratios,
    score_labels,
    summarise_benchmark,
)

PERFECT = draw("1.22.\n1.22.")


def row(truth, prediction, entry="tool", run="tool", image="a", group="A") -> dict:
    head = {"entry": entry, "run": run, "image": image, "group": group}
    return head | score_labels(truth, prediction)


def test_a_row_holds_what_is_drawn():
    found = row(draw(TRUTH), draw(PREDICTION))
    counts = ("n_truth", "n_pred", "n_matched", "tp_0.50", "tp_0.70")
    assert [found[name] for name in counts] == [5, 6, 3, 3, 1]
    errors = ("false_negatives", "false_positives", "splits", "merges")
    assert [found[name] for name in errors] == [4, 5, 1, 1]
    pairs = ((1, 1), (2, 2), (3, 4))
    distances = [naive_boundary_distance(draw(TRUTH) == a, draw(PREDICTION) == b) for a, b in pairs]
    assert found["boundary_pairs"] == 3
    assert found["boundary_distance"] == pytest.approx(sum(distances))


@pytest.mark.parametrize("seed", range(5))
def test_ratios_equal_the_naive_scores(seed):
    rng = np.random.default_rng(seed)
    truth = np.kron(rng.integers(0, 6, (3, 4)), np.ones((4, 3), int))
    noisy = rng.random(truth.shape) < 0.3
    prediction = np.where(noisy, rng.integers(0, 5, truth.shape), truth)
    found = ratios(score_labels(truth, prediction))
    assert found["pq"] == pytest.approx(naive_pq(truth, prediction))
    for threshold in THRESHOLDS:
        f1 = naive_f1(truth, prediction, threshold)
        assert found[f"f1_{threshold:.2f}"] == pytest.approx(f1)
        assert found[f"ap_{threshold:.2f}"] == pytest.approx(f1 / (2 - f1))


@pytest.mark.parametrize(
    ("truth", "prediction", "expected"), [("..", "..", 1), ("..", ".1", 0), ("1.", "..", 0)]
)
def test_empty_images(truth, prediction, expected):
    found = ratios(score_labels(draw(truth), draw(prediction)))
    assert found["f1_0.50"] == found["ap_0.90"] == found["pq"] == expected
    assert np.isnan(found["boundary_distance"])
    assert np.isnan(found["mean_matched_iou"])
    assert np.isnan(found["false_positives"]) == ("1" not in truth)


def test_groups_are_pooled_over_nuclei():
    rows = [
        row(draw(TRUTH), draw(PREDICTION), image="a"),
        row(PERFECT, PERFECT, image="b"),
        row(PERFECT, 0 * PERFECT, image="c", group="B"),
    ]
    parts = summarise_benchmark(pd.DataFrame(rows), ["tool"])
    assert [part["group"] for part in parts] == ["A", "B", OVERALL]
    first, second, overall = parts
    assert (first["images"], first["nuclei"], first["predicted"], first["runs"]) == (2, 7, 8, 1)
    assert first["scores"]["f1_0.70"][0] == pytest.approx(2 * 3 / (7 + 8))
    assert first["scores"]["false_negatives"][0] == pytest.approx(100 * 4 / 7)
    assert first["scores"]["false_positives"][0] == pytest.approx(100 * 5 / 7)
    assert first["scores"]["splits"][0] == pytest.approx(100 / 7)
    areas = np.array([9, 12, 9, 6, 2, 2, 4])
    diameter = np.mean(2 * np.sqrt(areas / np.pi))
    assert first["mean_diameter"] == pytest.approx(diameter)
    assert first["counts"]["bias"] == 0.5
    assert overall["scores"]["f1_0.70"][0] == pytest.approx(2 * 3 / (9 + 8))

    assert second["scores"]["f1_0.70"] == [0, None, None]
    assert second["scores"]["boundary_distance"] == [None, None, None]


@pytest.mark.parametrize("images", [1, 2, FEWEST_IMAGES - 1, FEWEST_IMAGES])
def test_few_images_have_no_interval(images):
    rows = [row(PERFECT, PERFECT * (n > 0), image=f"i{n}") for n in range(images)]
    (part,) = summarise_benchmark(pd.DataFrame(rows), ["tool"])
    value, low, high = part["scores"]["f1_0.70"]
    # Two nuclei an image, all of them found but in the first one.
    assert value == pytest.approx(2 * (images - 1) / (2 * images - 1))
    if images < 5:
        assert (part["interval"], low, high) == (None, None, None)
    else:
        assert part["interval"] == "bootstrap"
        assert 0 < low < value < high == 1


def test_repeated_runs_are_a_mean_with_its_interval():
    rows = [
        row(PERFECT, PERFECT, "net", "net-1"),
        row(PERFECT, np.where(PERFECT == 1, 1, 0), "net", "net-2"),
        row(PERFECT, np.where(PERFECT == 2, 1, 0), "net", "net-3"),
    ]
    (part,) = summarise_benchmark(pd.DataFrame(rows), ["net"])
    f1 = np.array([1, 2 / 3, 2 / 3])
    assert (part["runs"], part["interval"], part["images"]) == (3, "t", 1)
    assert part["scores"]["f1_0.50"] == pytest.approx([f1.mean(), *t_interval(f1)])
    assert part["predicted"] == pytest.approx(4 / 3)


def test_runs_without_a_value_are_left_out():
    predictions = {"net-1": PERFECT, "net-2": np.where(PERFECT == 1, 1, 0), "net-3": 0 * PERFECT}
    rows = [row(PERFECT, labels, "net", run) for run, labels in predictions.items()]
    rows[1]["boundary_distance"] = 1.0  # of one pair
    (part,) = summarise_benchmark(pd.DataFrame(rows), ["net"])
    # t(0.975, 1) = 12.7062; values 0 and 1: 0.5 -+ 12.7062 * 0.5
    expected = [0.5, 0.5 - 6.3531, 0.5 + 6.3531]
    assert part["scores"]["boundary_distance"] == pytest.approx(expected, abs=1e-4)
    assert part["scores"]["f1_0.50"][0] == pytest.approx((1 + 2 / 3 + 0) / 3)
    assert part["defined"] == {"boundary_distance": 2, "mean_matched_iou": 2}
    (alone,) = summarise_benchmark(pd.DataFrame(rows[1:]), ["net"])
    assert alone["scores"]["boundary_distance"] == [1, None, None]
    assert alone["defined"]["boundary_distance"] == 1


def test_counts_of_repeated_runs_are_averaged_over_the_runs_of_each_image():
    one = np.where(PERFECT == 1, 1, 0)
    drawn = {("net-1", "a"): one, ("net-2", "a"): PERFECT, ("net-1", "b"): one, ("net-2", "b"): one}
    rows = [row(PERFECT, labels, "net", *place) for place, labels in drawn.items()]
    (part,) = summarise_benchmark(pd.DataFrame(rows), ["net"])
    # Two true nuclei; a: 1 and 2 found, mean -0.5; b: -1. Standard deviation 0.5 / sqrt(2).
    spread = 1.96 * 0.5 / np.sqrt(2)
    expected = {"bias": -0.75, "low": -0.75 - spread, "high": -0.75 + spread}
    assert part["counts"] == pytest.approx(expected)
    (single,) = summarise_benchmark(pd.DataFrame(rows[:2]), ["net"])
    assert single["counts"] == {"bias": -0.5, "low": None, "high": None}


def test_pooled_f1_of_a_table():
    table = pd.DataFrame({"n_truth": [2, 0, 0], "n_pred": [3, 0, 1], "tp_0.70": [1, 0, 0]})
    assert f1(table, "0.70").tolist() == [0.4, 1, 0]


def test_one_pixel_iou():
    assert one_pixel_iou(2 * 60) == pytest.approx(59**2 / 60**2)
    assert one_pixel_iou(2 * 4) == 0.5625
    assert one_pixel_iou(1.0) == 0
    assert one_pixel_iou(None) is None
