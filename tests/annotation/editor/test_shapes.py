"""A stroke against the disks that it is made of."""

from __future__ import annotations

import numpy as np
import pytest

from nucseg_tf.annotation.editor.shapes import stroke_mask
from nucseg_tf.io.boxes import slices


@pytest.mark.parametrize("size", [1, 3, 5, 9])
@pytest.mark.parametrize("row", [-3, 0, 10.5, 19.9, 23])
def test_a_stroke_is_what_a_disk_covers_on_its_way(size, row):
    points = np.array([[row, 4.2], [row, 11.7]])
    box, mask = stroke_mask(points, size, (20, 16))
    covered = np.zeros((20, 16), bool)
    covered[slices(box)] = mask
    y, x = np.mgrid[:20, :16]
    away = np.hypot(y - np.floor(row), np.clip(x, 4, 11) - x)
    assert np.array_equal(covered, away < size / 2)
