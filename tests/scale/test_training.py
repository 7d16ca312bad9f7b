from __future__ import annotations

import numpy as np
import pytest
from keras import ops

from nucseg_tf.scale.network import build
from nucseg_tf.scale.training import Scale, cell_targets
from nucseg_tf.scale.window import READABLE, STRIDE

S = 8 * STRIDE


def disc(labels: np.ndarray, label: int, y: int, x: int, diameter: float) -> None:
    rows, columns = np.indices(labels.shape)
    labels[(rows - y) ** 2 + (columns - x) ** 2 <= (diameter / 2) ** 2] = label


def test_a_cell_knows_the_diameter_of_its_nucleus():
    labels = np.zeros((S, S), np.int32)
    disc(labels, 3, 40, 40, 30)
    disc(labels, 7, 100, 100, 10)
    share, size, known, counts = cell_targets(labels, shoulder=0)
    assert share.shape == (8, 8)
    assert 2 ** size[2, 2] == pytest.approx(30, rel=0.03)  # rows 32 to 47: inside the first
    assert (share[2, 2], known[2, 2], counts.min()) == (1, 1, 1)
    assert 2 ** size[6, 6] == pytest.approx(10, rel=0.05)
    assert share[6, 6] == pytest.approx((labels == 7)[96:112, 96:112].mean())
    assert share[0, 7] == known[0, 7] == 0


def test_of_a_nucleus_that_is_cut_nothing_is_known_but_that_it_is_one():
    labels = np.zeros((S, S), np.int32)
    disc(labels, 1, 0, 64, 40)
    share, _, known, _ = cell_targets(labels, shoulder=0)
    assert share[0, 4] > 0.9
    assert known.max() == 0


def test_unknown_ground_and_the_shoulder_do_not_count():
    labels = np.full((S, S), -1, np.int32)
    labels[:, :64] = 0
    counts = cell_targets(labels, shoulder=STRIDE)[3]
    assert counts[0].max() == counts[:, 0].max() == 0
    assert counts[:, 4:].max() == 0
    assert counts[3, 1] == 1


def test_sizes_beyond_what_is_readable_are_cut_off():
    labels = np.zeros((S, S), np.int32)
    labels[40, 40] = 1
    assert 2 ** cell_targets(labels, 0)[1][2, 2] == pytest.approx(READABLE[0])


def test_losses_are_lowest_at_the_truth_and_0_weight_without_nuclei():
    family, shape = Scale(), (1, 4, 4)
    targets = {name: np.ones(shape, np.float32) for name in ("share", "known", "counts")}
    targets["size"] = np.full(shape, 5.0, np.float32)

    def losses(size: float, doubt: float) -> dict:
        outputs = np.stack([np.full(shape, 9.0), np.full(shape, size), np.full(shape, doubt)], -1)
        found = family.loss_parts(None, ops.convert_to_tensor(outputs.astype(np.float32)), targets)
        return {name: float(value) for name, value in found.items()}

    assert losses(5, 0)["diameter"] == 0
    assert losses(5.5, 0)["diameter"] == pytest.approx(0.5)
    assert losses(5.5, np.log(0.5))["diameter"] == pytest.approx(1 + np.log(0.5))  # the best doubt
    assert losses(5, 0)["nucleus"] < 0.001
    targets["known"] = np.zeros(shape, np.float32)
    assert losses(9, 0)["diameter"] == 0


def test_the_network_gives_three_numbers_a_cell():
    found = np.asarray(build()(np.zeros((2, 64, 96, 1), np.float32)))
    assert found.shape == (2, 4, 6, 3)
