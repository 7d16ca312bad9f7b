from __future__ import annotations

import cv2
import numpy as np

from nucseg_tf.scale.choose import choose
from nucseg_tf.scale.regions import Regions
from nucseg_tf.types import Instances

BEST = 30.0  # px, what the model knows
ZOOMS = (0.5, 3.0)  # for nuclei of 60 px, on the left, and of 10 px, on the right
LOCAL = np.log2(np.array([[60.0, 60, 60, 60, 10, 10, 10, 10]] * 4))
REGIONS = Regions((10.0, 60.0), (0.5, 0.5), LOCAL)
SHAPE = (256, 512)
LARGE = [(60, 60), (60, 180), (190, 100)]
SMALL = [(20 + 12 * row, 300 + 12 * column) for row in range(9) for column in range(9)]


def discs(*parts: tuple[list[tuple[int, int]], float]) -> np.ndarray:
    """Discs at (row, column) of a diameter, numbered on and on; (256, 512)."""
    labels, number = np.zeros(SHAPE, np.int32), 0
    for places, diameter in parts:
        for y, x in places:
            number += 1
            mask = cv2.circle(np.zeros(SHAPE, np.uint8), (x, y), round(diameter / 2), 1, -1)
            labels[(mask > 0) & (labels == 0)] = number
    return labels


def instances(labels: np.ndarray) -> Instances:
    return Instances(labels, np.linspace(0.5, 0.9, labels.max(), dtype=np.float32))


def test_each_nucleus_comes_from_the_view_that_suits_it():
    """The coarse view joins small nuclei, the fine one breaks large ones: both of a fair size."""
    clumps = [(32 + 36 * row, 312 + 36 * column) for row in range(3) for column in range(3)]
    parts = [(y + down, x + along) for y, x in LARGE for down in (-15, 15) for along in (-15, 15)]
    coarse = instances(discs((LARGE, 60), (clumps, 34)))
    fine = instances(discs((parts, 14), (SMALL, 10)))
    found, view = choose([coarse, fine], ZOOMS, BEST, REGIONS)
    truth = discs((LARGE, 60), (SMALL, 10))
    np.testing.assert_array_equal(found.labels > 0, truth > 0)
    assert len(view) == len(found.scores) == found.labels.max() == len(LARGE) + len(SMALL)
    for label in range(1, len(view) + 1):
        at = found.labels == label
        assert view[label - 1] == (0 if np.nonzero(at)[1].mean() < 256 else 1)
        source = (coarse, fine)[view[label - 1]]
        (before,) = np.unique(source.labels[at])
        assert found.scores[label - 1] == source.scores[before - 1]


def test_nuclei_across_the_border_of_regions_are_whole():
    across = [(128, 256)]
    coarse, fine = instances(discs((across, 60))), instances(discs(([(128, 236), (128, 250)], 10)))
    found, view = choose([coarse, fine], ZOOMS, BEST, REGIONS)
    assert view.tolist() == [0]
    np.testing.assert_array_equal(found.labels, coarse.labels)


def test_what_one_view_alone_shows_stays():
    nothing = instances(np.zeros(SHAPE, np.int32))
    coarse = instances(discs(([(128, 60), (128, 450)], 60)))
    found, view = choose([coarse, nothing], ZOOMS, BEST, REGIONS)
    assert view.tolist() == [0, 0]
    np.testing.assert_array_equal(found.labels > 0, coarse.labels > 0)


def test_without_nuclei():
    nothing = instances(np.zeros(SHAPE, np.int32))
    found, view = choose([nothing, nothing], ZOOMS, BEST, REGIONS)
    assert len(view) == len(found.scores) == found.labels.max() == 0
