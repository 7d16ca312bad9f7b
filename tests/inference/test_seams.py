"""Decoded block by block, nuclei come out as of the whole."""

from __future__ import annotations

import numpy as np
import pytest

from nucseg_tf.imaging.components import components, keep_areas
from nucseg_tf.imaging.window import Window, blocks
from nucseg_tf.inference.seams import Seams
from nucseg_tf.types import Instances


def discs(count=60, shape=(260, 330), largest=14):
    rng = np.random.default_rng(3)
    mask = np.zeros(shape, bool)
    rows, columns = np.indices(shape)
    for _ in range(count):
        y, x, r = rng.integers(0, shape[0]), rng.integers(0, shape[1]), rng.uniform(3, largest)
        mask |= (rows - y) ** 2 + (columns - x) ** 2 < r**2
    return mask


def label(mask):
    labels = keep_areas(components(mask)[0], 0)
    areas = np.bincount(labels.ravel())[1:]
    return Instances(labels, np.minimum(areas / 1000, 1).astype(np.float32))


def by_blocks(mask, side, margin):
    seams = Seams(mask.shape)
    for block in blocks(mask.shape, side):
        window = block.grown(margin)
        found = label(mask[window.slices])
        seams.add(block, window, found, np.arange(len(found.scores)) % 3)
    return seams.join()


@pytest.mark.parametrize("side", [90, 128, 400])
def test_blocks_give_the_labels_of_the_whole(side):
    mask = discs()
    whole = label(mask)
    found, levels = by_blocks(mask, side, 70)
    np.testing.assert_array_equal(found.labels, whole.labels)
    np.testing.assert_array_equal(found.scores, whole.scores)
    assert len(levels) == len(found.scores)


def test_a_nucleus_larger_than_the_margin_is_put_together():
    mask = np.zeros((200, 300), bool)
    mask[60:140, 20:280] = True
    mask[10:20, 10:20] = True
    found, _ = by_blocks(mask, 100, 20)
    assert len(found.scores) == 2
    np.testing.assert_array_equal(found.labels, label(mask).labels)


def test_what_is_found_again_a_little_different_is_no_second_nucleus():
    shape = (60, 100)
    seams = Seams(shape)
    for number, block in enumerate(blocks(shape, 60)):
        window = block.grown(30)
        labels = np.zeros(window.shape, np.int32)
        left = 46 + 2 * number - window.left  # its middle lies in both blocks, as each sees it
        labels[20:40, left : left + 8 + 2 * number] = 1
        seams.add(block, window, Instances(labels, np.ones(1, np.float32)))
    found, _ = seams.join()
    assert len(found.scores) == 1
    assert found.labels.max() == 1


def test_nothing_is_nothing():
    seams = Seams((30, 40))
    whole = Window.whole((30, 40))
    seams.add(whole, whole, Instances(np.zeros((30, 40), np.int32), np.zeros(0, np.float32)))
    found, levels = seams.join()
    assert not found.labels.any()
    assert len(found.scores) == len(levels) == 0
