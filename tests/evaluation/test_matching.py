from __future__ import annotations

import numpy as np
import pytest
from reference.naive_scores import naive_iou, naive_match

from nucseg_tf.errors import LabelError
from nucseg_tf.evaluation import matching
from nucseg_tf.evaluation.matching import match, overlap_table


def draw(picture: str) -> np.ndarray:
    """Reads a label image from lines of digits; a dot is background."""
    rows = picture.replace(".", "0").split()
    return np.array([[int(digit) for digit in row] for row in rows], np.int32)


def random_pair(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A field of coarse blocks, and the same field with pixels shifted and relabelled."""
    rng = np.random.default_rng(seed)
    truth = np.kron(rng.integers(0, 6, (3, 4)), np.ones((4, 3), int))
    prediction = np.roll(truth, rng.integers(-1, 2, 2), axis=(0, 1))
    noisy = rng.random(truth.shape) < rng.choice([0.1, 0.4])
    return truth, np.where(noisy, rng.integers(0, 6, truth.shape), prediction)


def test_table_of_a_drawn_case():
    truth = draw("""
        11..
        11.2
        ...2
    """)
    prediction = draw("""
        .77.
        .77.
        ...3
    """)
    table = overlap_table(truth, prediction)
    assert table.truth_labels.tolist() == [1, 2]
    assert table.truth_areas.tolist() == [4, 2]
    assert table.pred_labels.tolist() == [3, 7]
    assert table.pred_areas.tolist() == [1, 4]
    # Label 1 and label 7 share a column of 2 px, label 2 and label 3 one pixel.
    assert table.truth_index.tolist() == [0, 1]
    assert table.pred_index.tolist() == [1, 0]
    assert table.intersection.tolist() == [2, 1]
    np.testing.assert_array_equal(table.iou, [2 / 6, 1 / 2])


@pytest.mark.parametrize("chunk", [1, 1 << 22])
def test_nuclei_mostly_on_unknown_ground_are_left_out(monkeypatch, chunk):
    monkeypatch.setattr(matching, "CHUNK_PIXELS", chunk)
    truth = draw("""
        11..99
        11..99
        ....99
    """)
    truth[truth == 9] = -1
    prediction = draw("""
        44.55.
        44.566
        77777.
    """)
    table = overlap_table(truth, prediction)
    # Of 5 one of three pixels is unknown, of 7 one of five, of 6 both.
    assert table.truth_labels.tolist() == [1]
    assert table.pred_labels.tolist() == [4, 5, 7]
    assert table.pred_areas.tolist() == [4, 3, 5]
    assert (table.truth_index.tolist(), table.pred_index.tolist()) == ([0], [0])
    half = overlap_table(np.array([[0, -1]]), np.array([[2, 2]]))
    assert half.pred_labels.tolist() == [2]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("chunk", [1, 30, 1 << 22])
def test_table_equals_the_naive_one(monkeypatch, seed, chunk):
    monkeypatch.setattr(matching, "CHUNK_PIXELS", chunk)
    truth, prediction = random_pair(seed)
    table = overlap_table(truth, prediction)
    dense = np.zeros((len(table.truth_labels), len(table.pred_labels)))
    dense[table.truth_index, table.pred_index] = table.iou
    np.testing.assert_array_equal(dense, naive_iou(truth, prediction))


@pytest.mark.parametrize("threshold", [0.05, 0.1, 0.3, 0.5, 0.55, 0.9])
@pytest.mark.parametrize("seed", range(20))
def test_match_equals_the_naive_one(seed, threshold):
    truth, prediction = random_pair(seed)
    iou = naive_iou(truth, prediction)
    pairs = match(overlap_table(truth, prediction), threshold)
    expected = naive_match(iou, threshold)
    assert len(pairs) == len(expected) == len(set(pairs[:, 0])) == len(set(pairs[:, 1]))
    assert iou[tuple(pairs.T)].min(initial=1) >= threshold
    assert iou[tuple(pairs.T)].sum() == pytest.approx(sum(iou[pair] for pair in expected))


def test_a_tie_at_one_half_is_matched_once():
    truth, prediction = draw("1111"), draw("1122")
    table = overlap_table(truth, prediction)
    assert table.iou.tolist() == [0.5, 0.5]
    assert len(match(table, 0.5)) == 1
    assert len(match(table, 0.51)) == 0


def test_most_matches_come_before_the_best_iou():
    # IoU: 1-1 6/10, 1-2 2/8, 2-1 2/8. The best pair would leave 2 without a match, although its
    # IoU alone exceeds the sum of the other two.
    truth = draw("1111111122")
    prediction = draw("2211111111")
    assert match(overlap_table(truth, prediction), 0.2).tolist() == [[0, 1], [1, 0]]


def test_labels_of_any_width_and_order():
    truth, prediction = random_pair(3)
    plain = match(overlap_table(truth, prediction), 0.3)
    far = (truth * np.uint64(2**60)).astype(np.uint64)
    table = overlap_table(far, prediction.astype(np.uint8))
    np.testing.assert_array_equal(match(table, 0.3), plain)


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (2, 3)])
def test_no_nucleus(shape):
    table = overlap_table(np.zeros(shape, int), np.zeros(shape, int))
    assert len(table.truth_labels) == len(table.pred_labels) == len(table.iou) == 0
    assert match(table, 0.5).shape == (0, 2)


def test_bad_input_is_refused():
    labels = np.zeros((2, 3), int)
    with pytest.raises(LabelError, match=r"\(2, 3\).*\(3, 2\)"):
        overlap_table(labels, labels.T)
    with pytest.raises(LabelError, match="float64"):
        overlap_table(labels, labels.astype(float))
    with pytest.raises(ValueError, match="Received: 0"):
        match(overlap_table(labels, labels), 0)
