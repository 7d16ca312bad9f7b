"""Label maps, patches and runs."""

from __future__ import annotations

import numpy as np

from nucseg_tf.annotation.editor.patches import LabelMap
from nucseg_tf.io.boxes import clip_box, find_nuclei, shape_of


def random_labels(seed: int, shape: tuple[int, int] = (17, 23)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.choice([0, 0, 0, 3, 7, 70_000], shape).astype(np.int32)


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
