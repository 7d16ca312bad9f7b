"""Label maps, patches and runs."""

from __future__ import annotations

import numpy as np
import pytest

from nucseg_tf.annotation.editor.patches import (
    LabelMap,
    Nucleus,
    clip_box,
    find_nuclei,
    from_runs,
    shape_of,
    slices,
    to_runs,
)


def random_labels(seed: int, shape: tuple[int, int] = (17, 23)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.choice([0, 0, 0, 3, 7, 70_000], shape).astype(np.int32)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (17, 23)])
def test_runs_and_labels_are_inverse(shape):
    labels = random_labels(1, shape)
    assert np.array_equal(from_runs(to_runs(labels), shape), labels)


def test_runs_go_on_over_the_ends_of_rows():
    assert to_runs(np.array([[1, 1], [1, 0]])).tolist() == [1, 3, 0, 1]


@pytest.mark.parametrize("runs", [[1, 3], [1, 5], [1, -4, 2, 8], [-1, 4]])
def test_runs_that_do_not_fit_are_refused(runs):
    with pytest.raises(ValueError, match="must fill"):
        from_runs(runs, (2, 2))


def test_nuclei_are_those_of_a_naive_count():
    labels = random_labels(2)
    found = find_nuclei(labels, (100, 200))
    assert sorted(found) == [3, 7, 70_000]
    for label, nucleus in found.items():
        rows, columns = np.nonzero(labels == label)
        box = (rows.min() + 100, columns.min() + 200, rows.max() + 101, columns.max() + 201)
        assert nucleus == Nucleus(box, len(rows))


def test_a_patch_is_as_small_as_the_change():
    labels = LabelMap(np.zeros((8, 9), np.int32))
    after = np.zeros((8, 9), np.int32)
    after[2:4, 5:8] = 4
    patch = labels.patch((0, 0, 8, 9), after)
    assert patch is not None
    assert patch.box == (2, 5, 4, 8)
    assert patch.touched() == [4]
    assert labels.patch((0, 0, 8, 9), labels.pixels) is None


def test_applying_patches_keeps_the_nuclei_true():
    rng = np.random.default_rng(3)
    labels = LabelMap(random_labels(3))
    for _ in range(200):
        y0, x0 = rng.integers(0, (15, 20))
        box = clip_box((y0, x0, y0 + rng.integers(1, 9), x0 + rng.integers(1, 9)), (17, 23))
        labels.apply(box, rng.choice([0, 0, 3, 7, 9], shape_of(box)).astype(np.int32))
        assert labels.nuclei == find_nuclei(labels.pixels)


def test_names_are_not_used_twice():
    labels = LabelMap(np.array([[0, 5]], np.int32))
    labels.apply((0, 0, 1, 2), np.zeros((1, 2), np.int32))
    assert labels.nuclei == {}
    assert labels.next_label == 6


def test_a_box_outside_the_field_is_empty():
    assert shape_of(clip_box((-9, -9, -3, -3), (5, 5))) == (0, 0)
    assert shape_of(clip_box((7, 7, 9, 9), (5, 5))) == (0, 0)
    assert np.zeros((5, 5))[slices(clip_box((-2, 3, 2, 9), (5, 5)))].shape == (2, 2)
