from __future__ import annotations

import cv2
import numpy as np
import pytest

from nucseg_tf.imaging.enlarge import enlarge_labels
from nucseg_tf.imaging.window import Window, blocks


def enlarged(labels, shape):
    return enlarge_labels(labels, Window.whole(labels.shape), Window.whole(shape))


def discs(side: int, scale: float = 1) -> np.ndarray:
    """Three discs, of which two touch, and a fourth cut by the image's edge; (side, side)."""
    rows, columns = (np.indices((side, side)) + 0.5) / scale
    labels = np.zeros((side, side), np.int32)
    for label, (y, x) in enumerate(((20, 16), (20, 33), (46, 40), (60, 10)), start=1):
        inside = (rows - y) ** 2 + (columns - x) ** 2 < 81
        labels[inside & ((labels == 0) | (columns > 24.5))] = label
    return labels


@pytest.mark.parametrize("factor", [1, 2, 2.5, 4, 6.3])
def test_large_discs_come_out_as_if_drawn_large(factor):
    side = round(64 * factor)
    large = enlarged(discs(64), (side, side))
    drawn = discs(side, side / 64)
    assert large.dtype == np.int32
    for label in range(1, 5):
        mine, true = large == label, drawn == label
        assert (mine & true).sum() / (mine | true).sum() > 0.95


def test_outlines_are_no_staircase():
    """A disc's outline has the length of a circle's; of its squares' sides it would be 4/pi."""
    small = discs(64) == 3
    smooth = enlarged(small.astype(np.int32), (384, 384)).astype(np.uint8)
    stairs = cv2.resize(small.astype(np.uint8), (384, 384), interpolation=cv2.INTER_NEAREST)

    def length(mask):
        (outline,), _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        return cv2.arcLength(outline, True)

    circle = 2 * np.pi * 9 * 6
    assert length(smooth) < 1.09 * circle  # steps of single pixels are left
    assert length(stairs) > 1.15 * circle


def test_nuclei_that_touch_still_do():
    large = enlarged(discs(64), (256, 256))
    beside = (large[:, :-1] == 1) & (large[:, 1:] == 2)
    assert beside.sum() > 20
    halves = np.ones((10, 12), np.int32)
    halves[:, 6:] = 2
    expected = np.ones((40, 48), np.int32)
    expected[:, 24:] = 2
    np.testing.assert_array_equal(enlarged(halves, (40, 48)), expected)


def test_rows_and_columns_of_different_factors():
    labels = np.zeros((10, 30), np.int32)
    labels[2:5, 20:28] = 7
    large = enlarged(labels, (20, 120))
    rows, columns = np.nonzero(large == 7)
    assert abs(rows.mean() - 6.5) < 0.5
    assert abs(columns.mean() - 95.5) < 0.5
    assert set(np.unique(large)) == {0, 7}


@pytest.mark.parametrize("shape", [(1, 1), (1, 9)])
def test_without_nuclei_and_of_single_rows(shape):
    assert not enlarged(np.zeros(shape, np.int32), (7, 30)).any()
    assert enlarged(np.ones(shape, np.int32), (7, 30)).all()


@pytest.mark.parametrize("side", [50, 77])
def test_a_window_comes_out_as_it_would_of_the_whole(side):
    small = discs(64)
    whole = enlarged(small, (173, 181))
    for block in blocks((173, 181), side):
        seen = block.grown(20).scaled(small.shape)
        found = enlarge_labels(small[seen.slices], seen, block.grown(20))
        inner = (
            slice(block.top - block.grown(20).top, block.bottom - block.grown(20).top),
            slice(block.left - block.grown(20).left, block.right - block.grown(20).left),
        )
        np.testing.assert_array_equal(found[inner], whole[block.slices])
